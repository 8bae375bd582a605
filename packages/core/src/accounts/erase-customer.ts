import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { noCustomer } from '../customers/customer.ts'
import { recordEvent } from '../events/record.ts'
import { forgetDeliveries } from '../fulfillment/forget-buyer.ts'
import { changeStoreCredit, storeCreditOf } from '../gift-cards/store-credit.ts'
import { forgetAnswers } from '../idempotency/forget-answers.ts'
import { newId } from '../ids.ts'
import { forgetContacts } from '../orders/forget-contact.ts'
import { forgetBuyer } from '../promotions/forget-buyer.ts'
import { Refusal } from '../refusal.ts'
import { forgetReturns } from '../returns/forget-buyer.ts'

const ORDERS_NAMED_MAX = 20

export interface Erasure {
  reason: string
  /** Also while orders are under way: they lose the addresses they would go to. */
  force: boolean
  /** Store credit that is left is given up. */
  forfeit: boolean
  actor: Actor
  now: Date
}

/**
 * Forgets a person for good: the customer with account, sessions, addresses, saved ways to pay and open carts, and every name and address
 * on their orders, those they placed as a guest of the same address too. The orders, their amounts and the ledger stay, and
 * belong to nobody. Refuses `invalid_state` while an order of theirs is under way, which needs its address, with `force` only while
 * one is being paid; and while they have store credit that is not to be given up. It cannot be undone.
 */
export async function eraseCustomer(tx: Tx, customerId: string, { force, forfeit, ...by }: Erasure): Promise<void> {
  // Carts first, as a checkout does: it is over, with its order to be seen below, or finds no cart.
  await tx.sql`
    select 1 from cart where merchant_id = ${tx.merchantId} and customer_id = ${customerId} order by id for update`
  const email = await lockPerson(tx, customerId)
  await tx.sql`
    select 1 from cart where merchant_id = ${tx.merchantId} and email = ${email} and status = 'open' order by id for update`
  const orders = await ordersOf(tx, { customerId, email, force })
  await endStoreCredit(tx, customerId, { forfeit, ...by })
  const orderIds = orders.map(({ id }) => id)
  await tx.sql`
    delete from cart where merchant_id = ${tx.merchantId} and (customer_id = ${customerId} or email = ${email}) and status = 'open'`
  await tx.sql`
    update cart set email = null, shipping_address = null, billing_address = null, vat_id = null, customer_id = null
    where merchant_id = ${tx.merchantId} and id = any(${orders.map(({ cartId }) => cartId)}::uuid[])`
  await forgetContacts(tx, orderIds)
  await forgetDeliveries(tx, orderIds)
  await forgetReturns(tx, orderIds)
  await forgetBuyer(tx, { email, orderIds, instead: `forgotten:${newId(by.now)}` })
  await forgetMail(tx, email)
  await forgetAnswers(tx, { email, customerId, addressIds: await addressesOf(tx, customerId) })
  await tx.sql`delete from customer_request where merchant_id = ${tx.merchantId} and email = ${email}`
  await tx.sql`delete from customer where merchant_id = ${tx.merchantId} and id = ${customerId}`
  const entry = { action: 'customer.erased', targetType: 'customer', targetId: customerId, before: null, after: null }
  await recordAudit(tx, { ...entry, ...by })
  const event = { type: 'customer.erased', aggregateType: 'customer', aggregateId: customerId, data: { customer_id: customerId } }
  await recordEvent(tx, { ...event, actor: by.actor, now: by.now })
}

/** Nobody orders as this customer until the transaction ends: an order's foreign key would have to wait. */
async function lockPerson(tx: Tx, customerId: string): Promise<string> {
  const [row] = await tx.sql<[{ email: string }?]>`
    select email from customer where merchant_id = ${tx.merchantId} and id = ${customerId} for update`
  if (!row) throw noCustomer()
  return row.email
}

async function ordersOf(
  tx: Tx,
  { customerId, email, force }: { customerId: string; email: string; force: boolean },
): Promise<{ id: string; cartId: string }[]> {
  const rows = await tx.sql<{ id: string; cartId: string; number: bigint; isPending: boolean; isUnderWay: boolean }[]>`
    select id, cart_id as "cartId", number,
      status = 'pending' as "isPending", status <> 'cancelled' and fulfillment_status in ('unfulfilled', 'part_fulfilled') as "isUnderWay"
    from orders
    where merchant_id = ${tx.merchantId} and (customer_id = ${customerId} or email = ${email} and customer_id is null)
    order by id for no key update`
  const underWay = rows.filter((row) => row.isPending || (row.isUnderWay && !force))
  if (underWay.length > 0) {
    const orders = underWay.slice(0, ORDERS_NAMED_MAX).map((row) => Number(row.number))
    const detail = 'Orders are under way that need their addresses: fulfil or cancel them first.'
    throw new Refusal('invalid_state', { detail, extra: { current_state: 'orders_under_way', order_numbers: orders } })
  }
  return [...rows]
}

async function endStoreCredit(
  tx: Tx,
  customerId: string,
  { forfeit, ...by }: { forfeit: boolean; reason: string; actor: Actor; now: Date },
): Promise<void> {
  for (const { amount, currency } of await storeCreditOf(tx, customerId)) {
    if (amount === 0n) continue
    if (!forfeit) {
      const detail = 'The customer has store credit left: spend it, or say that it is given up.'
      throw new Refusal('invalid_state', { detail, extra: { current_state: 'store_credit_left' } })
    }
    await changeStoreCredit(tx, { customerId, change: { amount: -amount, currency }, ...by })
  }
}

async function addressesOf(tx: Tx, customerId: string): Promise<string[]> {
  const rows = await tx.sql<{ id: string }[]>`
    select id from customer_address where merchant_id = ${tx.merchantId} and customer_id = ${customerId}`
  return rows.map(({ id }) => id)
}

/** A mail that waits is dropped: it has no receiver any more. */
async function forgetMail(tx: Tx, email: string): Promise<void> {
  await tx.sql`update mail_message set recipient = null where merchant_id = ${tx.merchantId} and recipient = ${email}`
}
