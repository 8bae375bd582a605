import { randomInt } from 'node:crypto'
import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import type { Cart } from '../cart/cart.ts'
import { contentOf, type Order, paymentFacts } from '../orders/order.ts'
import { eventData } from '../orders/order-event.ts'
import type { Payment } from '../orders/order-payment.ts'
import { insertContact, insertOrder, insertOrderLines } from '../orders/place-order.ts'
import { insertPayments } from '../payments/manual.ts'
import { type Attempt, insertAttempt, insertAuthorization } from '../payments/request-authorization.ts'

export const BUYER: Actor = { kind: 'buyer' }

export interface NewOrder {
  cart: Cart
  /** Its number is a stand-in (`standIn`): the statement takes the real one. */
  order: Order
  /** placed: it is firm. submitted: it waits for its payment. */
  event: 'order.placed' | 'order.submitted'
  /** Those that ask no provider. */
  payments: readonly (Payment & { sourceId?: string })[]
  /** What a provider is to be asked. */
  attempt?: Attempt | undefined
  /** The insert of what is kept under the request's key, if it is kept now; it goes on with `from counter`. */
  answered?: ((from: Query) => Query) | undefined
}

/**
 * Everything an order leaves behind, in one statement: its number is taken and used without a round trip in between, and
 * the counter, which all checkouts of a merchant share, is held no longer than that. Its answer is the number.
 */
export function writeOrder(tx: Tx, { cart, order, event, payments, attempt, answered }: NewOrder): Query {
  const paid = payments.length > 0 ? tx.sql`, paid as (${insertPayments(tx, payments, order)})` : tx.sql``
  const asked = attempt ? tx.sql`, attempted as (${insertAttempt(tx, attempt)}), asked as (${insertAuthorization(tx, attempt)})` : tx.sql``
  const kept = answered ? tx.sql`, answered as (${answered(tx.sql`from counter`)})` : tx.sql``
  return tx.sql`
    with counter as (
      update merchant_counter set order_number = order_number + 1, event_sequence = event_sequence + 1
      where merchant_id = ${tx.merchantId} returning order_number, event_sequence
    ), placed as (${insertOrder(tx, order, cart)} from counter
    ), lines as (${insertOrderLines(tx, order)}
    ), contact as (${insertContact(tx, order)}
    )${paid}${asked}, closed as (
      update cart set status = 'ordered', version = version + 1, updated_at = now() where merchant_id = ${tx.merchantId} and id = ${cart.id}
    ), told as (${firstEvent(tx, event, order)} from counter
    )${kept}
    select order_number from counter`
}

/**
 * Stands for an order's number until its statement has taken it: random, so that no text of a buyer's can be it, and
 * of fixed length, so that it is no part of another number in the answer.
 */
export function standIn(): bigint {
  return BigInt(randomInt(100_000_000_000_000, 281_474_976_710_655))
}

/** Written by hand and not by recordEvent: the sequence was taken together with the order's number. */
function firstEvent(tx: Tx, type: NewOrder['event'], order: Order): Query {
  const { content, ...data } = eventData(order.id, { type, content: contentOf(order), payments: order.payments.map(paymentFacts) })
  return tx.sql`
    insert into event (merchant_id, sequence, type, aggregate_type, aggregate_id, data, actor, occurred_at)
    select ${tx.merchantId}, counter.event_sequence, ${type}, 'order', ${order.id}::uuid,
      ${JSON.stringify(data)}::jsonb || jsonb_build_object('content', ${JSON.stringify(content)}::jsonb || jsonb_build_object('number', counter.order_number)),
      ${JSON.stringify(BUYER)}::jsonb, ${order.placedAt}::timestamptz`
}
