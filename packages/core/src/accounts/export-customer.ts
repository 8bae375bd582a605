import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { customersById, noCustomer } from '../customers/customer.ts'

/** Orders that one document holds, the newest. */
export const EXPORT_ORDERS_MAX = 5_000
const EXPORT_ROWS_MAX = 1_000

/**
 * All that a merchant knows of a person, as JSON under the names of the API. Amounts are minor units of the currency beside them.
 * Nothing of it opens anything: no hash, no token. Refuses `not_found`.
 */
export async function exportCustomer(inMerchant: InMerchant, customerId: string, now: Date): Promise<Record<string, unknown>> {
  const answers = await inMerchant.readOnce((tx) => [customersById(tx, [customerId]), ...PARTS.map(({ query }) => query(tx, customerId))])
  const [customer] = answers[0] ?? []
  if (!customer) throw noCustomer()
  const parts = PARTS.map(({ name }, index) => [name, (answers[index + 1] ?? []).map((row) => (row as { item: unknown }).item)] as const)
  return {
    exported_at: now.toISOString(),
    customer: ownFields(customer as Record<string, unknown>),
    ...Object.fromEntries(parts),
    is_complete: parts.every(([name, items]) => items.length < (name === 'orders' ? EXPORT_ORDERS_MAX : EXPORT_ROWS_MAX)),
  }
}

function ownFields(customer: Record<string, unknown>): Record<string, unknown> {
  const plain = JSON.parse(JSON.stringify(customer, (_key, value) => (typeof value === 'bigint' ? Number(value) : value))) as Record<
    string,
    unknown
  >
  return Object.fromEntries(
    Object.entries(plain).map(([name, value]) => [name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]),
  )
}

type Asked = Pick<Tx, 'merchantId' | 'sql'>

const PARTS: { name: string; query(tx: Asked, customerId: string): Query }[] = [
  {
    name: 'account',
    query: (tx, customerId) => tx.sql`
      select jsonb_build_object('email_verified_at', email_verified_at, 'password_changed_at', password_changed_at, 'created_at', created_at) as item
      from customer_account where merchant_id = ${tx.merchantId} and customer_id = ${customerId}`,
  },
  {
    name: 'addresses',
    query: (tx, customerId) => tx.sql`
      select jsonb_build_object('address', address, 'default_shipping', default_shipping, 'default_billing', default_billing) as item
      from customer_address where merchant_id = ${tx.merchantId} and customer_id = ${customerId} order by id limit ${EXPORT_ROWS_MAX}`,
  },
  {
    name: 'sessions',
    query: (tx, customerId) => tx.sql`
      select jsonb_build_object('device', device, 'created_at', created_at, 'refreshed_at', refreshed_at, 'ended_at', ended_at) as item
      from customer_session where merchant_id = ${tx.merchantId} and customer_id = ${customerId} order by id desc limit ${EXPORT_ROWS_MAX}`,
  },
  {
    name: 'payment_methods',
    query: (tx, customerId) => tx.sql`
      select jsonb_build_object('provider', provider, 'type', type, 'brand', brand, 'last4', last4, 'expiry_month', expiry_month,
        'expiry_year', expiry_year, 'created_at', created_at) as item
      from saved_payment_method where merchant_id = ${tx.merchantId} and customer_id = ${customerId} order by id limit ${EXPORT_ROWS_MAX}`,
  },
  {
    name: 'store_credit',
    query: (tx, customerId) => tx.sql`
      select jsonb_build_object('balance', balance, 'currency', currency) as item from ledger_account
      where merchant_id = ${tx.merchantId} and owner_type = 'customer' and owner_id = ${customerId} order by currency limit ${EXPORT_ROWS_MAX}`,
  },
  {
    name: 'tax_exemptions',
    query: (tx, customerId) => tx.sql`
      select to_jsonb(e) - 'merchant_id' - 'customer_id' as item from tax_exemption e
      where merchant_id = ${tx.merchantId} and customer_id = ${customerId} order by id limit ${EXPORT_ROWS_MAX}`,
  },
  {
    name: 'open_carts',
    query: (tx, customerId) => tx.sql`
      select jsonb_build_object('id', c.id, 'email', c.email, 'shipping_address', c.shipping_address, 'billing_address', c.billing_address,
        'vat_id', c.vat_id, 'updated_at', c.updated_at, 'lines', (
          select coalesce(jsonb_agg(jsonb_build_object('variant_id', l.variant_id, 'quantity', l.quantity) order by l.id), '[]')
          from cart_line l where l.merchant_id = ${tx.merchantId} and l.cart_id = c.id)) as item
      from cart c where c.merchant_id = ${tx.merchantId} and c.customer_id = ${customerId} and c.status = 'open'
      order by c.id limit ${EXPORT_ROWS_MAX}`,
  },
  { name: 'orders', query: ordersPart },
  {
    name: 'mails',
    query: (tx, customerId) => tx.sql`
      select jsonb_build_object('template', m.template, 'recipient', m.recipient, 'status', m.status, 'created_at', m.created_at) as item
      from customer c join mail_message m on m.merchant_id = ${tx.merchantId} and m.recipient = c.email
      where c.merchant_id = ${tx.merchantId} and c.id = ${customerId} order by m.id desc limit ${EXPORT_ROWS_MAX}`,
  },
]

/** Their orders, and those they placed as a guest of the same address. */
function ordersPart(tx: Asked, customerId: string): Query {
  return tx.sql`
    select jsonb_build_object('id', o.id, 'number', o.number, 'status', o.status, 'payment_status', o.payment_status,
      'fulfillment_status', o.fulfillment_status, 'email', o.email, 'currency', o.currency, 'total', o.total, 'placed_at', o.placed_at,
      'shipping_address', o.shipping_address, 'billing_address', o.billing_address, 'earlier_contacts', (
        select coalesce(jsonb_agg(jsonb_build_object('email', k.email, 'shipping_address', k.shipping_address,
          'billing_address', k.billing_address) order by k.revision), '[]')
        from order_contact k where k.merchant_id = ${tx.merchantId} and k.order_id = o.id and k.revision < o.contact_revision),
      'lines', (
        select coalesce(jsonb_agg(jsonb_build_object('title', l.product_title, 'variant', l.variant_title, 'sku', l.sku,
          'quantity', l.quantity, 'total', l.total) order by l.position), '[]')
        from order_line l where l.merchant_id = ${tx.merchantId} and l.order_id = o.id)) as item
    from orders o join customer c on c.merchant_id = ${tx.merchantId} and c.id = ${customerId}
    where o.merchant_id = ${tx.merchantId} and (o.customer_id = c.id or o.email = c.email and o.customer_id is null)
    order by o.number desc limit ${EXPORT_ORDERS_MAX}`
}
