import { productFile } from '../../goods.ts'
import { discountBundle } from '../../shop-plugins.ts'
import { type Deed, hold, type Stage } from './stage.ts'

const A_TRIAL = { reason: 'a trial' }
const GOODS = 60
const CODES = 300

interface Listed<Row = { id: string }> {
  data: Row[]
}

/** What staff do to keep a shop. */
export const SHOP_DEEDS: readonly Deed[] = [
  {
    name: 'an import of goods',
    act: async (stage) => {
      stage.begin()
      const goods = Array.from({ length: GOODS }, (_, n) => ({ handle: `${stage.name}-${n}`, price: '3.00', stock: 7 }))
      const { id } = await stage.upload(productFile(goods, 'vendor-deed'))
      const done = await stage.becomes(() => stage.staff<{ status: string; failed: number }>('GET', `/imports/${id}`), isOver)
      hold(done.status === 'done' && done.failed === 0, 'the import has not succeeded', done)
    },
  },
  {
    name: 'goods, stock and collections by hand',
    act: async (stage) => {
      stage.begin()
      const variants = [{ sku: `${stage.name}-s`, price: { amount: 100, currency: 'EUR' } }]
      const product = await stage.staff<{ id: string; variants: { id: string }[] }>('POST', '/products', {
        body: { title: stage.name, variants },
      })
      await stage.staff('PATCH', `/products/${product.id}`, { body: { title: `${stage.name} again` } })
      await stage.staff('PATCH', `/variants/${product.variants[0]!.id}`, { body: { sku: `${stage.name}-m` } })
      const adjustment = { change: 5, reason: 'found' }
      const variant = `/stock/${stage.world.variants[2]!}`
      await stage.staff('POST', `${variant}/adjustments`, { body: adjustment })
      const collection = await stage.staff('POST', '/collections', { body: { title: stage.name }, also: [409] })
      if (collection.id !== undefined)
        await stage.staff('POST', `/collections/${collection.id}/products`, { body: { product_ids: [product.id] } })
      await stage.staff('POST', '/locations', { body: { name: stage.name }, also: [409] })
    },
  },
  {
    name: 'an offer: tried, published and taken back, with codes',
    act: async (stage) => {
      stage.begin()
      const actions = [{ type: 'percentage', on: 'order', rate_percent: '5' }]
      const written = { name: stage.name, trigger: 'coupon', actions, ...A_TRIAL }
      const { id } = await stage.staff('POST', '/promotions', { body: written })
      await stage.staff('POST', `/promotions/${id}/versions`, { body: written })
      const tried = await stage.staff('POST', `/promotions/${id}/dry-runs`, { body: { version: 1, orders: 150 } })
      await stage.becomes(() => stage.staff<{ status: string }>('GET', `/dry-runs/${tried.id}`), isOver)
      await stage.staff('POST', `/promotions/${id}/publish`, { body: { version: 1, ...A_TRIAL }, also: [409] })
      const batch = await stage.staff('POST', '/coupon-batches', { body: { promotion_id: id, name: stage.name, quantity: CODES } })
      const made = await stage.becomes(() => stage.staff<{ status: string }>('GET', `/coupon-batches/${batch.id}`), isOver)
      hold(made.status === 'done', 'the codes were not made', made)
      await stage.staff('POST', `/coupon-batches/${batch.id}/disable`, { body: {}, also: [409] })
      await stage.staff('POST', `/promotions/${id}/turn-off`, { body: A_TRIAL, also: [409] })
    },
  },
  {
    name: 'a customer: written down, given credit, exported and forgotten',
    act: async (stage) => {
      stage.begin()
      const { id } = await stage.staff('POST', '/customers', { body: { email: stage.email, name: 'Ada' } })
      await stage.staff('PATCH', `/customers/${id}`, { body: { name: 'Grace' } })
      await stage.staff('POST', `/customers/${id}/store-credit`, { body: { change: { amount: 500, currency: 'EUR' } } })
      const credit = await stage.staff<{ balances?: unknown }>('GET', `/customers/${id}/store-credit`)
      hold(JSON.stringify(credit).includes('500'), 'the credit was not given once', credit)
      const group = await stage.staff('POST', '/customer-groups', { body: { name: stage.name }, also: [409] })
      if (group.id !== undefined)
        await stage.staff('POST', `/customer-groups/${group.id}/members`, { body: { customer_id: id }, also: [409] })
      const all = await stage.staff<object>('GET', `/customers/${id}/export`)
      hold(JSON.stringify(all).includes(stage.email), 'the export does not have the customer', Object.keys(all))
      await stage.staff('POST', `/customers/${id}/erasure`, { body: { reason: 'asked', force: true }, also: [404, 409] })
      const rows = await stage.world.house.query<{ left: number }>`select count(*)::int as left from customer where email = ${stage.email}`
      hold(rows[0]!.left === 0, 'the customer is still known', rows)
    },
  },
  {
    name: 'a buyer who signs up',
    act: async (stage) => {
      stage.begin()
      await stage.visitor('POST', '/customers', { body: { email: stage.email, password: 'a password of a buyer' } })
      await stage.visitor('POST', '/customers/password-resets', { body: { email: stage.email } })
    },
  },
  {
    name: 'people who work here, and keys',
    act: async (stage) => {
      stage.begin()
      const body = { email: `${stage.name}@staff.example`, name: 'Another', role: 'support' }
      const made = await stage.staff<{ id: string } | { staff: { id: string } }>('POST', '/staff', { body, also: [409] })
      const id = 'staff' in made ? made.staff.id : made.id
      if (id !== undefined) await stage.staff('PATCH', `/staff/${id}`, { body: { role: 'courier' } })
      const key = await stage.staff('POST', '/api-keys', { body: { name: stage.name, scopes: ['orders:read'] } })
      if (key.id !== undefined) await stage.staff('DELETE', `/api-keys/${key.id}`, { also: [404] })
    },
  },
  {
    name: 'settings: mails, taxes, shipping and where goods are reserved',
    act: async (stage) => {
      stage.begin()
      await stage.staff('PUT', '/mail-templates/order_placed', {
        body: { subject: stage.name, text: 'Thank you.', html: '<p>Thank you.</p>' },
      })
      await stage.staff('DELETE', '/mail-templates/order_placed', { also: [404] })
      await stage.staff('PUT', '/mail-settings', { body: { sender_name: 'Shop', reply_to: null, storefront_url: null } })
      await stage.staff('PATCH', '/settings', { body: { name: 'Faults' } })
      const rate = await stage.staff('POST', '/tax-rates', { body: { name: stage.name, country: 'AU', rate_percent: '10' }, also: [409] })
      if (rate.id !== undefined) await stage.staff('DELETE', `/tax-rates/${rate.id}`, { also: [404] })
      const zone = await stage.staff('POST', '/shipping-zones', { body: { name: stage.name, places: [{ country: 'AU' }] }, also: [409] })
      if (zone.id !== undefined) await stage.staff('DELETE', `/shipping-zones/${zone.id}`, { also: [404] })
      await stage.staff('PATCH', '/fulfillment-settings', { body: { return_window_days: 30 } })
      await stage.staff('PATCH', '/reservation-settings', { body: { reserve_in_cart: false } })
    },
  },
  {
    name: 'webhooks: another endpoint, a trial, and everything again',
    act: async (stage) => {
      const { endpoint } = stage.world
      await stage.order()
      const sent = await stage.becomes(
        () => stage.staff<Listed>('GET', `/webhook-endpoints/${endpoint}/deliveries`),
        ({ data }) => data.length > 0,
      )
      stage.begin()
      const body = { url: 'https://hooks.example/another', events: ['refund.issued'], description: stage.name }
      const made = await stage.staff('POST', '/webhook-endpoints', { body })
      await stage.staff('POST', `/webhook-endpoints/${made.id}/test`)
      await stage.staff('POST', `/webhook-endpoints/${made.id}/rotate-secret`, { body: A_TRIAL })
      await stage.staff('POST', `/webhook-endpoints/${endpoint}/deliveries/${sent.data[0]!.id}/replay`, { also: [409] })
      const since = new Date(Date.now() - 20_000).toISOString()
      await stage.staff('POST', `/webhook-endpoints/${endpoint}/replays`, { body: { since, ...A_TRIAL }, also: [409] })
      await allRunning(stage)
      await stage.staff('DELETE', `/webhook-endpoints/${made.id}`, { also: [404] })
    },
  },
  {
    name: 'a plugin that takes something off',
    act: async (stage) => {
      const plugin = stage.name
      stage.begin()
      const input = { 'discount@1': ['lines.id', 'lines.quantity'] }
      const manifest = { name: plugin, version: '1.0.0', title: plugin, sdk: '^1.0.0', contracts: { discount: '^1' }, input }
      const bundle = discountBundle(
        `return { operations: [{ type: 'line', line_id: input.lines[0].id, value: { percentage: '2' }, message: 'Two' }] }`,
      )
      await stage.staff('POST', '/plugins/releases', { body: { manifest, bundle }, also: [409] })
      const providers = [{ point: 'discount', failure_policy: 'skip' }]
      await stage.staff('POST', '/plugins/installs', { body: { plugin, version: '1.0.0', providers }, also: [409] })
      const installs = await stage.staff<Listed<{ id: string; plugin: string }>>('GET', '/plugins/installs')
      const install = installs.data.find((known) => known.plugin === plugin)
      hold(install !== undefined, 'the plugin is not installed', installs)
      await stage.order()
      await stage.staff('DELETE', `/plugins/installs/${install!.id}`, { also: [404] })
    },
  },
  {
    name: 'the books beside those of the provider',
    act: async (stage) => {
      stage.begin()
      const day = 24 * 3_600_000
      const body = { provider: 'sandbox', from: new Date(Date.now() - day).toISOString(), until: new Date().toISOString() }
      const { id } = await stage.staff('POST', '/reconciliations', { body })
      await stage.becomes(() => stage.staff<{ status: string }>('GET', `/reconciliations/${id}`), isOver)
    },
  },
]

function isOver({ status }: { status: string }): boolean {
  return status === 'done' || status === 'failed'
}

/** What the endpoint was sent again has come. */
async function allRunning(stage: Stage): Promise<void> {
  const read = () => stage.staff<Listed<{ status: string }>>('GET', `/webhook-endpoints/${stage.world.endpoint}/deliveries`)
  await stage.becomes(read, ({ data }) => data.every(({ status }) => status === 'delivered'))
}
