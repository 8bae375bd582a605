import { randomUUID } from 'node:crypto'
import type { RequestListener } from 'node:http'
import jwt from '@fastify/jwt'
import type { TokenKeys } from '@souk/core/capability.ts'
import { PAYMENT_CALL_TIMEOUT_MS, PAYMENT_SECRETS_PURPOSE, PaymentBreakers, type PaymentDeps } from '@souk/core/payments/call-provider.ts'
import type { Providers } from '@souk/core/payments/provider.ts'
import { planBudget } from '@souk/core/plugins/budget.ts'
import { PluginRuntime } from '@souk/core/plugins/plugin-runtime.ts'
import type { PluginPort } from '@souk/core/plugins/port.ts'
import { SECRETS_PURPOSE } from '@souk/core/plugins/secrets.ts'
import { SecretBox } from '@souk/core/secret-box.ts'
import { Admins } from '@souk/platform/admins.ts'
import type { Cells } from '@souk/platform/cells.ts'
import type { ResolveTxt } from '@souk/platform/domains.ts'
import type { PlatformSql } from '@souk/platform/platform-sql.ts'
import type { Router } from '@souk/tenant-router/router.ts'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController, type RouteOptions } from 'fastify'
import type { Registry } from 'prom-client'
import { answerClientError, answerErrors } from './answer-errors.ts'
import { raiseGates } from './gates/gates.ts'
import { Principals } from './gates/principal.ts'
import { GiftCardAttempts } from './gift-card-attempts.ts'
import { createHttpServer } from './http-server.ts'
import { errorFields, requestFields } from './log.ts'
import { measure } from './metrics.ts'
import { describeApi, REFERENCE_PREFIX } from './openapi.ts'
import { Quotas, type ShedAt } from './quotas/quotas.ts'
import { BODY_LIMIT_BYTES, readBodiesAsJson } from './request-body.ts'
import { cartRoutes } from './routes/carts.ts'
import { customerSessionRoutes } from './routes/customer-sessions.ts'
import { customersMeRoutes } from './routes/customers-me.ts'
import { giftCardRoutes } from './routes/gift-cards.ts'
import { mediaRoutes } from './routes/media.ts'
import { orderReturnRoutes } from './routes/order-returns.ts'
import { orderRoutes } from './routes/orders.ts'
import { paymentRoutes } from './routes/payments.ts'
import { platformAdminRoutes, platformSelfRoutes } from './routes/platform-admins.ts'
import { platformArchiveRoutes } from './routes/platform-archives.ts'
import { platformAuditRoutes } from './routes/platform-audit.ts'
import { platformCellRoutes } from './routes/platform-cells.ts'
import { platformDomainRoutes } from './routes/platform-domains.ts'
import { platformFleetRoutes } from './routes/platform-fleet.ts'
import { platformMerchantWorkRoutes } from './routes/platform-merchant-works.ts'
import { platformMerchantRoutes } from './routes/platform-merchants.ts'
import { platformMoveRoutes } from './routes/platform-moves.ts'
import { platformPlanRoutes } from './routes/platform-plans.ts'
import { platformPluginRoutes } from './routes/platform-plugins.ts'
import { platformSessionRoutes } from './routes/platform-sessions.ts'
import { platformUsageRoutes } from './routes/platform-usage.ts'
import { processRoutes } from './routes/process.ts'
import { productRoutes } from './routes/products.ts'
import { refundRoutes } from './routes/refunds.ts'
import { staffApiKeyRoutes } from './routes/staff-api-keys.ts'
import { staffAuditRoutes } from './routes/staff-audit.ts'
import { staffCollectionRoutes } from './routes/staff-collections.ts'
import { staffCouponRoutes } from './routes/staff-coupons.ts'
import { staffCustomerGroupRoutes } from './routes/staff-customer-groups.ts'
import { staffCustomerRoutes } from './routes/staff-customers.ts'
import { staffDeadJobRoutes } from './routes/staff-dead-jobs.ts'
import { staffDeliveryRoutes } from './routes/staff-deliveries.ts'
import { staffDraftOrderRoutes } from './routes/staff-draft-orders.ts'
import { staffDryRunRoutes } from './routes/staff-dry-runs.ts'
import { staffFulfillmentRoutes } from './routes/staff-fulfillments.ts'
import { staffImportRoutes } from './routes/staff-imports.ts'
import { staffLedgerRoutes } from './routes/staff-ledger.ts'
import { staffLocationRoutes } from './routes/staff-locations.ts'
import { staffMailRoutes } from './routes/staff-mail.ts'
import { staffMemberRoutes } from './routes/staff-members.ts'
import { staffOrderChangeRoutes } from './routes/staff-order-changes.ts'
import { staffOrderRoutes } from './routes/staff-orders.ts'
import { staffPaymentRoutes } from './routes/staff-payments.ts'
import { staffPluginInstallRoutes } from './routes/staff-plugin-installs.ts'
import { staffPluginRoutes } from './routes/staff-plugins.ts'
import { staffProductRoutes } from './routes/staff-products.ts'
import { staffPromotionRoutes } from './routes/staff-promotions.ts'
import { staffQueueRoutes } from './routes/staff-queues.ts'
import { staffQuoteRoutes } from './routes/staff-quotes.ts'
import { staffReconciliationRoutes } from './routes/staff-reconciliations.ts'
import { staffSessionRoutes } from './routes/staff-sessions.ts'
import { staffShipmentRoutes } from './routes/staff-shipments.ts'
import { staffShippingRoutes } from './routes/staff-shipping.ts'
import { staffStockRoutes } from './routes/staff-stock.ts'
import { staffTaxExemptionRoutes } from './routes/staff-tax-exemptions.ts'
import { staffTaxRoutes } from './routes/staff-taxes.ts'
import { staffTransferRoutes } from './routes/staff-transfers.ts'
import { staffVariantRoutes } from './routes/staff-variants.ts'
import { staffWebhookDeliveryRoutes } from './routes/staff-webhook-deliveries.ts'
import { staffWebhookRoutes } from './routes/staff-webhooks.ts'
import { storeRoutes } from './routes/store.ts'
import { storeCreditRoutes } from './routes/store-credit.ts'
import { streamRoutes } from './routes/streams.ts'
import { writeFromZod } from './serialization.ts'
import { AccessTokens, issuerOf, type JwtKey, jwtOptions } from './tokens.ts'
import { checkWithZod } from './validation.ts'

/** Everything the server is given; it makes nothing of this itself and reads no environment. */
export interface ServerOptions {
  router: Router
  platformSql: PlatformSql
  cells: Cells
  jwtKeys: JwtKey[]
  tokenKeys: TokenKeys
  baseDomain: string
  publicUrlPort: number
  mediaDir?: string | undefined
  archiveDir?: string | undefined
  log: FastifyBaseLogger
  now?: () => Date
  resolveTxt: ResolveTxt
  /** What runs plugins; the process that made it ends it. */
  pluginPort: PluginPort
  /** Whom payments may be asked of. */
  paymentProviders: Providers
  /** False while the process is on its way out: it should get no more requests. */
  isReady?: () => boolean
  bodyTimeoutMs?: number
  /** Where the rates of plans are counted; in the directory if it is not said. */
  redisUrl?: string | undefined
  /** How full a cell's queue may be before a class of work gives way. */
  shedAt?: ShedAt
  /** Further routes, for tests: they pass the same gates. */
  extraRoutes?: (app: FastifyInstance) => void
  /** For tests of provisioning. */
  onProvisioningStep?: (step: string) => void
}

/** What the routes work with. */
export interface Deps extends ServerOptions {
  now: () => Date
  tokens: AccessTokens
  principals: Principals
  admins: Admins
  plugins: PluginRuntime
  payments: PaymentDeps
  giftCardAttempts: GiftCardAttempts
  /** Seals the secrets of plugins. */
  secretBox: SecretBox
  quotas: Quotas
}

export interface Server {
  app: FastifyInstance
  metrics: Registry
  quotas: Quotas
  /** Every route there is, as declared. */
  routes: readonly RouteOptions[]
}

const HANDLER_TIMEOUT_MS = 15_000
const PARAM_LENGTH_MAX = 400

/** Builds the server: gates, errors, reference and the list of all routes. It does not listen yet. */
export async function buildServer(options: ServerOptions): Promise<Server> {
  const quotas = makeQuotas(options)
  const app = Fastify({
    loggerInstance: options.log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    trustProxy: false,
    bodyLimit: BODY_LIMIT_BYTES,
    handlerTimeout: HANDLER_TIMEOUT_MS,
    // Requests that come in while the server closes are answered as always, and their connections closed.
    return503OnClosing: false,
    routerOptions: { maxParamLength: PARAM_LENGTH_MAX },
    serverFactory: (handle) => createHttpServer(handle as RequestListener, (raw, response) => quotas.early.answer(raw, response)),
    clientErrorHandler: answerClientError,
    ...answerErrors.options,
  })
  app.setValidatorCompiler(checkWithZod as never)
  app.setSerializerCompiler(writeFromZod as never)
  readBodiesAsJson(app, options.bodyTimeoutMs)
  const deps = await assemble(app, options, quotas)
  const routes: RouteOptions[] = []
  app.addHook('onRoute', (route) => {
    routes.push(route)
  })
  raiseGates(app, { ...deps, referencePrefix: REFERENCE_PREFIX })
  answerErrors(app, { ...deps, routes })
  logRequests(app)
  const metrics = measure(app, options.router, quotas.early)
  await describeApi(app)
  addRoutes(app, deps)
  options.extraRoutes?.(app)
  await app.ready()
  return { app, metrics, quotas: deps.quotas, routes }
}

function addRoutes(app: FastifyInstance, deps: Deps): void {
  processRoutes(app, deps)
  if (deps.mediaDir !== undefined) mediaRoutes(app, deps.mediaDir)
  storeRoutes(app)
  productRoutes(app, deps.tokenKeys)
  cartRoutes(app, deps)
  orderRoutes(app, deps.tokenKeys)
  customerSessionRoutes(app, deps)
  customersMeRoutes(app, deps)
  staffMailRoutes(app, deps.tokenKeys)
  paymentRoutes(app, deps)
  staffPaymentRoutes(app, deps)
  staffSessionRoutes(app, deps)
  staffMemberRoutes(app, deps)
  staffApiKeyRoutes(app, deps)
  staffProductRoutes(app, deps.tokenKeys)
  staffVariantRoutes(app)
  staffImportRoutes(app, deps)
  staffLocationRoutes(app)
  staffStockRoutes(app, deps.tokenKeys)
  staffTransferRoutes(app, deps.tokenKeys)
  staffOrderRoutes(app)
  staffOrderChangeRoutes(app, deps)
  staffDraftOrderRoutes(app, deps)
  refundRoutes(app)
  giftCardRoutes(app, deps)
  storeCreditRoutes(app, deps.tokenKeys)
  staffLedgerRoutes(app, deps.tokenKeys)
  staffReconciliationRoutes(app, deps.tokenKeys)
  staffQuoteRoutes(app, deps)
  staffCollectionRoutes(app, deps.tokenKeys)
  staffCustomerRoutes(app, deps.tokenKeys)
  staffCustomerGroupRoutes(app)
  staffTaxRoutes(app, deps.tokenKeys)
  staffTaxExemptionRoutes(app, deps.tokenKeys)
  staffShippingRoutes(app)
  staffPromotionRoutes(app, deps.tokenKeys)
  staffDryRunRoutes(app, deps.tokenKeys)
  staffCouponRoutes(app, deps.tokenKeys)
  streamRoutes(app, deps)
  staffAuditRoutes(app, deps.tokenKeys)
  staffWebhookRoutes(app, deps)
  staffWebhookDeliveryRoutes(app, deps.tokenKeys)
  staffDeadJobRoutes(app, deps.tokenKeys)
  staffShipmentRoutes(app)
  staffFulfillmentRoutes(app)
  staffQueueRoutes(app, deps.tokenKeys)
  staffDeliveryRoutes(app)
  orderReturnRoutes(app, deps.tokenKeys)
  staffPluginRoutes(app, deps)
  staffPluginInstallRoutes(app, deps)
  platformSessionRoutes(app, deps)
  platformSelfRoutes(app, deps)
  platformAdminRoutes(app, deps)
  platformMerchantRoutes(app, deps)
  platformMerchantWorkRoutes(app, deps)
  platformArchiveRoutes(app, deps)
  platformDomainRoutes(app, deps)
  platformAuditRoutes(app, deps)
  platformCellRoutes(app, deps)
  platformMoveRoutes(app, deps)
  platformFleetRoutes(app, deps)
  platformPluginRoutes(app, deps)
  platformPlanRoutes(app, deps)
  platformUsageRoutes(app, deps)
}

async function assemble(app: FastifyInstance, options: ServerOptions, quotas: Quotas): Promise<Deps> {
  await app.register(jwt, jwtOptions(options.jwtKeys) as never)
  const tokens = new AccessTokens(app.jwt, options.jwtKeys, issuerOf(options.baseDomain))
  const admins = new Admins(options.platformSql)
  const principals = new Principals(tokens, admins)
  const now = options.now ?? (() => new Date())
  const blocks = options.router.directory.pluginBlocks
  const plugins = new PluginRuntime({
    port: options.pluginPort,
    isBlocked: (asked) => blocks.isBlocked(asked),
    onError: (error) => options.log.error(errorFields(error), 'the log of plugin calls was not written'),
    budgetOf: (merchantId) => planBudget(quotas.plans.limitsOf(merchantId).plugins),
    onCpu: (merchantId, plugin_cpu_ms) => quotas.usage.count(merchantId, { plugin_cpu_ms }),
    now,
  })
  app.addHook('onClose', () => plugins.close())
  const payments = {
    providers: options.paymentProviders,
    secretBox: new SecretBox(options.tokenKeys, PAYMENT_SECRETS_PURPOSE),
    breakers: new PaymentBreakers(),
    callTimeoutMs: PAYMENT_CALL_TIMEOUT_MS,
  }
  const secretBox = new SecretBox(options.tokenKeys, SECRETS_PURPOSE)
  app.addHook('onClose', () => quotas.close())
  await quotas.plans.open()
  return { ...options, now, tokens, admins, principals, plugins, payments, giftCardAttempts: new GiftCardAttempts(), secretBox, quotas }
}

function makeQuotas({ platformSql: sql, router, now = () => new Date(), log, redisUrl, shedAt }: ServerOptions): Quotas {
  return new Quotas({
    sql,
    router,
    now,
    log,
    onError: (error) => log.warn(errorFields(error), 'plans or usage: no answer from the directory or Redis'),
    ...(redisUrl !== undefined && { redisUrl }),
    ...(shedAt && { shedAt }),
  })
}

function logRequests(app: FastifyInstance): void {
  app.addHook('onResponse', (request, reply, done) => {
    request.log.info({
      ...requestFields(request),
      status: reply.statusCode,
      problem: request.problem,
      ms: Math.round(reply.elapsedTime * 10) / 10,
    })
    done()
  })
}
