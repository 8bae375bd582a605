import type { InjectOptions } from 'fastify'
import { FULFILLMENT_BODIES, FULFILLMENT_STATES } from './fulfillment-requests.ts'
import type { Operation } from './operations.ts'
import { ADMIN_BODIES, ADMIN_STATES } from './twin-admins.ts'
import { CELL_BODIES, CELL_STATES, CELLS } from './twin-cells.ts'
import { LIFE_BODIES, LIFE_STATES } from './twin-life.ts'
import { PAYMENT_BODIES, PAYMENT_STATES_NEEDED } from './twin-payments.ts'
import { PLAN_BODIES } from './twin-plans.ts'
import { WEBHOOK_BODIES } from './twin-webhooks.ts'

/** What a parameter or an id in a body is filled with, by its name. */
export type Values = Record<string, string>

export interface Credentials {
  access?: string
  /** The access token of a signed-in customer. */
  customer?: string
  cart?: string
  order?: string
}

export type Request = Pick<InjectOptions, 'payload'> & { method: Operation['method']; url: string; headers: Record<string, string> }

/**
 * A body that each operation takes: every operation that may have one is here. An id in it comes from `values`, by the name of its
 * field, so that it can be made somebody else's.
 */
export const BODIES: Record<string, (values: Values) => object | string | undefined> = {
  ...ADMIN_BODIES,
  ...CELL_BODIES,
  ...LIFE_BODIES,
  ...FULFILLMENT_BODIES,
  ...PAYMENT_BODIES,
  ...PLAN_BODIES,
  ...WEBHOOK_BODIES,
  'PATCH /v1/admin/settings': () => ({ name: 'Renamed', shipping: { name: 'Slow' } }),
  'POST /v1/carts': ({ variant_id }) => ({ lines: [{ variant_id, quantity: 1 }], email: 'ada@buyer.example' }),
  'PATCH /v1/carts/{cart_id}': () => ({ email: 'grace@buyer.example' }),
  'POST /v1/carts/{cart_id}/lines': ({ variant_id }) => ({ variant_id, quantity: 1 }),
  'PATCH /v1/carts/{cart_id}/lines/{line_id}': () => ({ quantity: 2 }),
  'POST /v1/customers': () => ({ email: 'another@buyer.example', password: 'another password' }),
  'POST /v1/customers/verifications': ({ registration_token, password }) => ({ token: registration_token, password }),
  'POST /v1/customers/sessions': ({ account_email, password }) => ({ email: account_email, password, device: 'Another' }),
  'POST /v1/customers/sessions/refresh': ({ refresh_token }) => ({ refresh_token }),
  'POST /v1/customers/password-resets': ({ account_email }) => ({ email: account_email }),
  'POST /v1/customers/password-resets/complete': ({ reset_token }) => ({ token: reset_token, new_password: 'another password' }),
  'POST /v1/customers/email-changes/complete': ({ email_token }) => ({ token: email_token }),
  'PATCH /v1/customers/me': () => ({ name: 'Renamed' }),
  'POST /v1/customers/me/password': ({ password }) => ({ password, new_password: 'another password' }),
  'POST /v1/customers/me/email': ({ password }) => ({ password, email: 'another@buyer.example' }),
  'POST /v1/customers/me/erasure': ({ password }) => ({ password }),
  'POST /v1/customers/me/addresses': () => ({ address: { name: 'Ada', line1: 'Street 2', city: 'Berlin', country: 'DE' } }),
  'PATCH /v1/customers/me/addresses/{address_id}': () => ({ default_billing: true }),
  'POST /v1/admin/customers/{customer_id}/erasure': () => ({ reason: 'asked for it', force: true }),
  'PUT /v1/admin/mail-templates/{template_name}': () => ({ subject: 'Another', text: 'Another', html: '<p>Another</p>' }),
  'POST /v1/admin/mail-templates/{template_name}/preview': () => ({ subject: 'Another', text: '{{ order.number }}' }),
  'POST /v1/admin/mail-templates/{template_name}/test': () => undefined,
  'PUT /v1/admin/mail-settings': () => ({ sender_name: 'Another', reply_to: null, storefront_url: null }),
  'POST /v1/admin/mails/{mail_id}/retry': () => undefined,
  'POST /v1/admin/sessions': ({ email, password }) => ({ email, password }),
  'POST /v1/admin/staff': () => ({ email: 'another@staff.example', name: 'Another', role: 'support' }),
  'PATCH /v1/admin/staff/{staff_id}': () => ({ name: 'Renamed', role: 'courier' }),
  'POST /v1/admin/staff/{staff_id}/password-reset': () => undefined,
  'POST /v1/admin/password': ({ password_token, password }) => ({ token: password_token, password }),
  'POST /v1/admin/me/password': ({ password }) => ({ current_password: password, password: 'another password' }),
  'POST /v1/admin/api-keys': () => ({ name: 'Another', scopes: ['orders:read'] }),
  'POST /v1/admin/products': () => ({ title: 'Another', variants: [{ sku: 'ANOTHER', price: { amount: 1, currency: 'EUR' } }] }),
  'PATCH /v1/admin/products/{product_id}': () => ({ title: 'Renamed' }),
  'POST /v1/admin/products/{product_id}/variants': () => ({ options: ['XL'], price: { amount: 1, currency: 'EUR' } }),
  'PATCH /v1/admin/variants/{variant_id}': () => ({ sku: 'RENAMED' }),
  'POST /v1/admin/collections': () => ({ title: 'Another collection' }),
  'PATCH /v1/admin/collections/{collection_id}': () => ({ title: 'Renamed' }),
  'POST /v1/admin/collections/{collection_id}/products': ({ product_ids }) => ({ product_ids: [product_ids] }),
  'POST /v1/admin/orders/{order_id}/cancel': () => ({ reason: 'changed their mind' }),
  'POST /v1/admin/draft-orders': ({ variant_id, customer_id }) => ({ lines: [{ variant_id, quantity: 1 }], customer_id }),
  'PATCH /v1/admin/draft-orders/{draft_id}': ({ variant_id, customer_id }) => ({ lines: [{ variant_id, quantity: 2 }], customer_id }),
  'PATCH /v1/admin/orders/{order_id}': () => ({ email: 'another@buyer.example' }),
  'PUT /v1/admin/orders/{order_id}/tags': () => ({ tags: ['another'] }),
  'POST /v1/admin/orders/{order_id}/notes': () => ({ body: 'Another' }),
  'POST /v1/admin/orders/{order_id}/edits': ({ variant_id, authorized_line_id, saved_method }) => ({
    lines: [{ line_id: authorized_line_id, quantity: 3 }],
    added: [{ variant_id, quantity: 1 }],
    collect: { from: 'saved_method', payment: { provider: 'fake', saved_method } },
  }),
  'POST /v1/admin/orders/{order_id}/edits/preview': ({ variant_id, edited_line_id }) => ({
    lines: [{ line_id: edited_line_id, quantity: 3 }],
    added: [{ variant_id, quantity: 1 }],
  }),
  'POST /v1/admin/orders/{order_id}/refunds': ({ paid_line_id }) => ({ lines: [{ line_id: paid_line_id, quantity: 1 }], reason: 'broken' }),
  'POST /v1/admin/orders/{order_id}/refunds/preview': ({ paid_line_id }) => ({ lines: [{ line_id: paid_line_id, quantity: 1 }] }),
  'POST /v1/admin/gift-cards': () => ({ amount: { amount: 1, currency: 'EUR' } }),
  'POST /v1/admin/gift-cards/{gift_card_id}/disable': () => ({ reason: 'stolen' }),
  'POST /v1/gift-cards/balance': ({ gift_card_code }) => ({ code: gift_card_code }),
  'POST /v1/admin/customers/{customer_id}/store-credit': () => ({ change: { amount: 1, currency: 'EUR' } }),
  'POST /v1/admin/reconciliations': () => ({ provider: 'sandbox', from: '2026-01-01T00:00:00Z', until: '2026-01-02T00:00:00Z' }),
  'POST /v1/admin/quotes': ({ variant_id, customer_id }) => ({ lines: [{ variant_id, quantity: 1 }], customer_id }),
  'POST /v1/admin/customers': () => ({ email: 'another@buyer.example', name: 'Another', vat_id: 'DE129273398' }),
  'PATCH /v1/admin/customers/{customer_id}': () => ({ name: 'Renamed' }),
  'POST /v1/admin/customers/{customer_id}/tokens': () => ({}),
  'POST /v1/admin/customer-groups': () => ({ name: 'Another group' }),
  'PATCH /v1/admin/customer-groups/{group_id}': () => ({ name: 'Renamed' }),
  'POST /v1/admin/customer-groups/{group_id}/members': ({ customer_id }) => ({ customer_id }),
  'POST /v1/admin/imports': () => 'Handle,Title,Variant Price\nanother-mug,Mug,1\n',
  'POST /v1/admin/stock/{variant_id}/adjustments': ({ location_id }) => ({ change: 1, reason: 'found', location_id }),
  'PUT /v1/admin/stock/{variant_id}/terms': ({ default_location_id }) => ({
    location_id: default_location_id,
    backorder: { limit: 5 },
    preorder: { available_from: '2027-01-01', limit: null },
  }),
  'POST /v1/admin/stock-transfers': ({ moved_variant_id, default_location_id, location_id }) => ({
    from_location_id: default_location_id,
    to_location_id: location_id,
    lines: [{ variant_id: moved_variant_id, quantity: 1 }],
  }),
  'POST /v1/admin/stock-transfers/{transfer_id}/receive': ({ moved_variant_id }) => ({
    lines: [{ variant_id: moved_variant_id, received: 1 }],
  }),
  'POST /v1/admin/stock-transfers/{transfer_id}/cancel': () => undefined,
  'POST /v1/admin/locations': () => ({ name: 'Another' }),
  'PATCH /v1/admin/locations/{location_id}': () => ({ name: 'Renamed', priority: 3 }),
  'PATCH /v1/admin/reservation-settings': () => ({ reserve_in_cart: true, cart_minutes: 30 }),
  'PUT /v1/admin/bundles/{bundle_id}': ({ variant_id }) => ({ components: [{ variant_id, quantity: 2 }] }),
  'POST /v1/admin/tax-rates': () => ({ name: 'Another', country: 'AU', rate_percent: '10' }),
  'PATCH /v1/admin/tax-rates/{rate_id}': () => ({ rate_percent: '11' }),
  'POST /v1/admin/tax-rates/imports': () => ({
    format: 'magento_tax_rates',
    content: 'code,country,state,zip/post code,rate\nanother,AU,*,*,1\n',
  }),
  'PATCH /v1/admin/tax-settings': () => ({ default_name: 'Renamed' }),
  'POST /v1/admin/tax-exemptions': ({ customer_id }) => ({ customer_id, certificate: 'Another' }),
  'PATCH /v1/admin/tax-exemptions/{exemption_id}': ({ customer_id }) => ({ customer_id, certificate: 'Renamed' }),
  'POST /v1/admin/taxes/resolve': ({ customer_id }) => ({ customer_id, lines: [{ amount: { amount: 1, currency: 'EUR' } }] }),
  'POST /v1/admin/shipping-zones': () => ({ name: 'Another', places: [{ country: 'AU' }] }),
  'PATCH /v1/admin/shipping-zones/{zone_id}': () => ({ name: 'Renamed' }),
  'POST /v1/admin/shipping-methods': ({ zone_ids }) => ({
    code: 'another',
    name: 'Another',
    zone_ids: [zone_ids],
    rate: { type: 'flat', amount: { amount: 1, currency: 'EUR' } },
  }),
  'PATCH /v1/admin/shipping-methods/{method_id}': ({ zone_ids }) => ({ name: 'Renamed', zone_ids: [zone_ids] }),
  'POST /v1/admin/shipping-methods/{method_id}/move': () => ({ position: 1 }),
  'POST /v1/admin/shipping-methods/imports': () => ({
    format: 'magento_table_rates',
    content: 'country,region,zip,weight,price\nAU,*,*,0,1\n',
    code: 'another',
    name: 'Another',
  }),
  'POST /v1/admin/shipping/rates': () => ({ subtotal: { amount: 1, currency: 'EUR' } }),
  'POST /v1/carts/{cart_id}/coupons': ({ code }) => ({ code }),
  'POST /v1/admin/promotions': ({ variant_id }) => anotherPromotion(variant_id!),
  'POST /v1/admin/promotions/{promotion_id}/versions': ({ variant_id }) => anotherPromotion(variant_id!),
  'POST /v1/admin/promotions/{promotion_id}/publish': () => ({ version: 2, percent: '50', reason: 'a trial' }),
  'POST /v1/admin/promotions/{promotion_id}/turn-off': () => ({ reason: 'over' }),
  'POST /v1/admin/promotions/{promotion_id}/roll-back': () => ({ reason: 'too much' }),
  'POST /v1/admin/promotions/{promotion_id}/dry-runs': ({ cart_ids }) => ({ version: 1, cart_ids: [cart_ids] }),
  'POST /v1/admin/coupons': ({ promotion_id, customer_id }) => ({ promotion_id, customer_id, code: 'another' }),
  'POST /v1/admin/coupons/{coupon_id}/disable': () => ({ reason: 'leaked' }),
  'POST /v1/admin/coupon-batches': ({ promotion_id }) => ({ promotion_id, name: 'Another', quantity: 1 }),
  'POST /v1/admin/coupon-batches/{batch_id}/disable': () => ({}),
  'POST /v1/admin/dead-jobs/{job_id}/retry': () => undefined,
  'POST /v1/sessions': ({ admin_email, password }) => ({ email: admin_email, password }),
  'POST /v1/admin/shipments/{shipment_id}/cancel': () => undefined,
  'POST /v1/admin/shipments/{shipment_id}/track': () => undefined,
  'POST /v1/admin/plugins/releases': () => ({
    manifest: { name: 'another', version: '1.0.0', contracts: { discount: '^1' } },
    bundle: 'another',
  }),
  'POST /v1/admin/plugins/installs': ({ plugin }) => ({ plugin, version: '^1' }),
  'PATCH /v1/admin/plugins/installs/{install_id}': () => ({ configuration: { changed: true } }),
  'POST /v1/admin/plugins/installs/{install_id}/promote': () => undefined,
  'POST /v1/admin/plugins/installs/{install_id}/rollback': () => undefined,
  'POST /v1/admin/plugins/installs/{install_id}/reset-breakers': () => undefined,
  'PUT /v1/admin/plugins/installs/{install_id}/secrets/{secret_name}': () => ({ value: 'changed' }),
  'POST /v1/plugin-blocks': ({ merchant_id }) => ({ merchant_id, reason: 'a trial' }),
  'POST /v1/plugin-blocks/{block_id}/lift': () => undefined,
  'PUT /v1/merchants/{merchant_id}/plugin-budget': () => ({ calls_per_day: 1, cpu_ms_per_day: 1 }),
  'POST /v1/merchants': ({ new_slug, email, password }) => ({
    slug: new_slug,
    name: 'Another',
    currency: 'EUR',
    country: 'DE',
    prices_include_tax: true,
    tax_rate_percent: '19',
    shipping: { name: 'Standard', amount_minor: 1 },
    contact_email: email,
    staff: { email, name: 'Ada', password },
  }),
  'PATCH /v1/merchants/{merchant_id}': () => ({ status: 'active' }),
  'POST /v1/merchants/{merchant_id}/domains': ({ new_host }) => ({ host: new_host }),
  'POST /v1/merchants/{merchant_id}/domains/{host}/verify': () => undefined,
}

function anotherPromotion(variantId: string): object {
  const actions = [
    { type: 'percentage', on: 'order', rate_percent: '5' },
    { type: 'gift', variant_id: variantId },
  ]
  return { name: 'Another', trigger: 'coupon', actions, reason: 'because' }
}

/** Parameters that name nothing that anybody has: how much is asked for, and what a new thing is called. */
const SAYS_HOW: Values = {
  cell: CELLS.other,
  home_cell: CELLS.home,
  unfinished: 'true',
  template_name: 'order_placed',
  provider: 'fake',
  locale: 'de',
  mail_status: 'failed',
  action: 'promotion.created',
  target_type: 'promotion',
  since: '2020-01-01T00:00:00Z',
  until: '2099-01-01T00:00:00Z',
  since_day: '2020-01-01',
  until_day: '2099-01-01',
  state: 'live',
  version_number: '1',
  country: 'AU',
  secret_name: 'api_key',
  outcome: 'failed',
  assigned: 'anybody',
  status: 'received',
  payment_status: 'paid',
  fulfillment_status: 'delivered',
  at: '2099-01-01T00:00:00Z',
  limit: '100',
  account: 'sales',
  currency: 'EUR',
  last_four: 'ABCD',
  after: '0',
  for_seconds: '0',
  event_type: 'webhook.test',
  known_sequence: '1',
  known_hash: '0'.repeat(64),
  stock: 'keep',
  transfer_status: 'in_transit',
  version: 'then',
  file_name: 'products.csv',
}

/** What an operation's parameters are filled with where it needs something in another state than most do. */
const IN_STATE: Record<string, Values> = {
  'POST /v1/admin/orders/{order_id}/edits': { order_id: 'authorized_order_id', line_id: 'authorized_line_id' },
  'POST /v1/admin/orders/{order_id}/edits/preview': { line_id: 'edited_line_id' },
  'POST /v1/admin/stock-transfers': {
    from_location_id: 'default_location_id',
    to_location_id: 'location_id',
    variant_id: 'moved_variant_id',
  },
  'POST /v1/admin/stock-transfers/{transfer_id}/receive': { variant_id: 'moved_variant_id' },
  'PUT /v1/admin/stock/{variant_id}/terms': { location_id: 'default_location_id' },
  ...ADMIN_STATES,
  ...CELL_STATES,
  ...LIFE_STATES,
  ...FULFILLMENT_STATES,
  ...PAYMENT_STATES_NEEDED,
  'POST /v1/admin/orders/{order_id}/refunds': { order_id: 'paid_order_id', line_id: 'paid_line_id' },
  'POST /v1/admin/orders/{order_id}/refunds/preview': { order_id: 'paid_order_id', line_id: 'paid_line_id' },
  'GET /v1/admin/orders/{order_id}/refunds/{refund_id}': { order_id: 'paid_order_id' },
}

export function valueNameOf(key: string, parameter: string): string {
  return IN_STATE[key]?.[parameter] ?? parameter
}

/** The parts of an operation's request that name something: another merchant's can be put there. */
export function positionsOf({ key, pathParameters, queryParameters, idsInBody }: Operation): string[] {
  const asked = queryParameters.filter(({ name }) => name !== 'cursor' && !(name in SAYS_HOW)).map(({ name }) => name)
  const named = idsInBody.map((name) => valueNameOf(key, name))
  for (const name of named)
    if (!mentions(key, name)) throw new Error(`${key}: its body takes ${name}; put it into BODIES of valid-requests.ts.`)
  const inPath = pathParameters.filter((name) => !(name in SAYS_HOW)).map((name) => valueNameOf(key, name))
  return [...new Set([...inPath, ...asked, ...named])]
}

/**
 * The operation's request. `naming` are the positions that are filled beside those it cannot do without. Throws, saying what has to be
 * added, where nobody has said what belongs in a place.
 */
export function requestFor(
  { key, method, path, queryParameters, takesIdempotencyKey }: Operation,
  given: {
    values: Values
    credentials: Credentials
    naming?: readonly string[]
    idempotencyKey?: string
    headers?: Record<string, string>
  },
): Request {
  const { values, credentials, naming = [] } = given
  const filled = (name: string): string => {
    const value = values[name] ?? SAYS_HOW[name]
    if (value === undefined)
      throw new Error(
        `${key}: say in twin-shops.ts where a shop's ${name} comes from, or in SAYS_HOW of valid-requests.ts that it names nothing.`,
      )
    return encodeURIComponent(value)
  }
  const takesBody = method === 'POST' || method === 'PUT' || method === 'PATCH'
  if (takesBody && !(key in BODIES)) throw new Error(`${key}: put a body that it takes into BODIES of valid-requests.ts.`)
  for (const { name } of queryParameters) if (name !== 'cursor') filled(name)
  const asked = queryParameters
    .filter(({ name, required }) => required || naming.includes(name))
    .map(({ name }) => `${name}=${filled(name)}`)
  const payload = takesBody ? BODIES[key]!(values) : undefined
  return {
    method,
    url:
      path.replaceAll(/\{([a-z_]+)\}/g, (_all, name: string) => filled(valueNameOf(key, name))) +
      (asked.length > 0 ? `?${asked.join('&')}` : ''),
    headers: {
      ...(typeof payload === 'string' && { 'content-type': 'text/csv' }),
      ...(takesIdempotencyKey && given.idempotencyKey !== undefined && { 'idempotency-key': given.idempotencyKey }),
      ...(credentials.access !== undefined && { authorization: `Bearer ${credentials.access}` }),
      ...(credentials.customer !== undefined && { authorization: `Bearer ${credentials.customer}` }),
      ...(credentials.cart !== undefined && { 'cart-token': credentials.cart }),
      ...(credentials.order !== undefined && { 'order-token': credentials.order }),
      ...given.headers,
    },
    ...(payload !== undefined && { payload }),
  }
}

/** Whether an operation's body holds what `values` say under that name. */
function mentions(key: string, name: string): boolean {
  const marked = new Proxy({}, { get: (_target, asked) => `the ${String(asked)}` }) as Values
  return JSON.stringify(BODIES[key]?.(marked) ?? null).includes(`"the ${name}"`)
}
