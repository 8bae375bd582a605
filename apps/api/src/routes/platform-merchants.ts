import { openCursor, sealCursor } from '@souk/core/capability.ts'
import type { NewMerchant } from '@souk/core/merchant/provision.ts'
import { type DirectoryMerchant, Merchants } from '@souk/platform/merchants.ts'
import { provisionMerchant } from '@souk/platform/provision-merchant.ts'
import type { Router } from '@souk/tenant-router/router.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Deps } from '../server.ts'
import { sendStored } from '../stored-answer.ts'
import { cellNameSchema } from '../wire/cell.ts'
import { idSchema } from '../wire/id.ts'
import { givenMoneySchema } from '../wire/money.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { percentSchema, toPpm } from '../wire/percent.ts'
import { countrySchema, currencySchema, emailSchema, textSchema } from '../wire/text.ts'
import { timeSchema } from '../wire/time.ts'
import { newPassword } from './sign-in.ts'

const NAME_LENGTH_MAX = 120
const SLUG_LENGTH_MAX = 40
const HEARD_TIMEOUT_MS = 1_000
const HEARD_CHECKED_EVERY_MS = 2

const slugSchema = z.string().max(SLUG_LENGTH_MAX, 'text_too_long')
const merchant = z
  .object({
    id: idSchema,
    slug: z.string(),
    name: z.string(),
    status: z.enum(['provisioning', 'active', 'suspended', 'erasing']),
    sandbox: z.boolean().meta({ description: 'A copy to try things in: it reaches nobody outside' }),
    cell: z.string(),
    url: z.string(),
    created_at: timeSchema,
  })
  .meta({ id: 'Merchant' })
const newMerchant = z.strictObject({
  slug: z.string(),
  name: textSchema(NAME_LENGTH_MAX),
  currency: currencySchema,
  country: countrySchema,
  prices_include_tax: z.boolean(),
  tax_rate_percent: percentSchema,
  shipping: z.strictObject({ name: textSchema(NAME_LENGTH_MAX), amount_minor: givenMoneySchema.shape.amount }),
  contact_email: emailSchema,
  staff: z.strictObject({ email: emailSchema, name: textSchema(NAME_LENGTH_MAX), password: newPassword }),
})
const params = z.strictObject({ merchant_id: idSchema })

/** The platform's merchants: made, listed, closed and opened. */
export function platformMerchantRoutes(fastify: FastifyInstance, deps: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const { router, cells, tokenKeys } = deps
  const merchants = new Merchants(deps.platformSql)
  const present = (entry: DirectoryMerchant) => presentMerchant(entry, deps)

  app.post(
    '/v1/merchants',
    {
      config: { gate: 'platform', scopes: ['merchants:write'], idempotency: 'required', summary: 'Make a merchant' },
      schema: { body: newMerchant, response: { 201: z.object({ merchant }) } },
    },
    async (request, reply) => {
      const { body, principal, now } = request
      const answer = await provisionMerchant(
        {
          merchant: readMerchant(body),
          owner: body.staff,
          request: { adminId: principal.id, ...request.idempotency! },
          actor: principal.actor,
          now,
        },
        { merchants, cells, router, ...(deps.onProvisioningStep && { step: deps.onProvisioningStep }) },
        (made) => ({ statusCode: 201, body: JSON.stringify({ merchant: present(made) }) }),
      )
      await heard(router, `${body.slug}.${deps.baseDomain}`, 'active')
      return sendStored(reply, answer)
    },
  )

  app.get(
    '/v1/merchants',
    {
      config: { gate: 'platform', scopes: ['merchants:read'], summary: 'List merchants' },
      schema: {
        querystring: z.strictObject({ ...pageQuery, cell: cellNameSchema.optional(), slug: slugSchema.optional() }),
        response: { 200: pageOf(merchant) },
      },
    },
    async ({ query: { cursor, limit, cell, slug } }) => {
      const scope = { merchantId: 'platform', query: `merchants|${cell ?? ''}|${slug ?? ''}` }
      const [before] = cursor === undefined ? [] : openCursor(tokenKeys, scope, cursor)
      const rows = await merchants.list({ before, limit: limit + 1, cell, slug })
      const shown = rows.slice(0, limit)
      const next = rows.length > limit ? sealCursor(tokenKeys, scope, [shown.at(-1)!.id]) : null
      return { data: shown.map(present), next_cursor: next }
    },
  )

  app.get(
    '/v1/merchants/:merchant_id',
    { config: { gate: 'platform', scopes: ['merchants:read'], summary: 'A merchant' }, schema: { params, response: { 200: merchant } } },
    async ({ params: { merchant_id } }) => present(await merchants.find(merchant_id)),
  )

  app.patch(
    '/v1/merchants/:merchant_id',
    {
      config: { gate: 'platform', scopes: ['merchants:write'], summary: 'Close or open a shop' },
      schema: { params, body: z.strictObject({ status: z.enum(['active', 'suspended']) }), response: { 200: merchant } },
    },
    async ({ params: { merchant_id }, body, principal, now }) => {
      const changed = await merchants.setStatus(merchant_id, body.status, principal.id, now)
      await heard(router, `${changed.slug}.${deps.baseDomain}`, body.status)
      return present(changed)
    },
  )
}

/** A merchant as a request describes it, in core's words. */
function readMerchant(body: z.output<typeof newMerchant>): NewMerchant {
  return {
    slug: body.slug,
    name: body.name,
    currency: body.currency,
    country: body.country,
    pricesIncludeTax: body.prices_include_tax,
    taxRatePpm: toPpm(body.tax_rate_percent),
    shipping: { name: body.shipping.name, amount: BigInt(body.shipping.amount_minor) },
    contactEmail: body.contact_email,
  }
}

/**
 * Waits until this process has heard of a change in the directory, so that whoever made it finds it made. Other processes hear
 * of it at the same moment, but are not waited for.
 */
async function heard(router: Router, host: string, status: DirectoryMerchant['status']): Promise<void> {
  const deadline = performance.now() + HEARD_TIMEOUT_MS
  while (performance.now() < deadline && (await router.directory.byHost(host))?.status !== status) {
    await new Promise((resolve) => setTimeout(resolve, HEARD_CHECKED_EVERY_MS))
  }
}

function presentMerchant(entry: DirectoryMerchant, { baseDomain, publicUrlPort }: Deps): z.output<typeof merchant> {
  return {
    id: entry.id,
    slug: entry.slug,
    name: entry.name,
    status: entry.status,
    sandbox: entry.sandbox,
    cell: entry.cell,
    url: `http://${entry.slug}.${baseDomain}:${publicUrlPort}`,
    created_at: entry.createdAt.toISOString(),
  }
}
