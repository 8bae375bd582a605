import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import { foldOrder, orderEventsQuery, type StoredOrderEvent } from './fold-order.ts'
import { holdOrder, readOrderState } from './hold-order.ts'
import type { OrderLineState, OrderState } from './order-state.ts'
import { updateOrder, writeLines } from './record-order-event.ts'

const BATCH_ORDERS = 200

/** An order whose row is not what its events say, and in what. */
export interface OrderDifference {
  orderId: string
  number: bigint
  /** `status`, `captured`, `lines/<id>/fulfilled` and so on. */
  fields: string[]
}

export interface Verification {
  orders: number
  /** Placed before events told everything; they cannot be folded. */
  untold: number
  differences: OrderDifference[]
}

/**
 * Compares the row of every order of a merchant with the fold of its events, a few at a time, and answers where they differ.
 * With `repair` the rows are made what the events say.
 */
export async function verifyOrders(inMerchant: InMerchant, { repair = false } = {}): Promise<Verification> {
  const found: Verification = { orders: 0, untold: 0, differences: [] }
  for (let after = 0n; ; ) {
    const batch = await inMerchant.read((tx) => nextOrders(tx, after))
    for (const { id } of batch) {
      const verdict = await inMerchant.read((tx) => compareOrder(tx, id))
      found.orders++
      if (verdict === 'untold') found.untold++
      else if (verdict.fields.length > 0) found.differences.push(verdict)
    }
    if (batch.length < BATCH_ORDERS) break
    after = batch.at(-1)!.number
  }
  if (repair) for (const { orderId } of found.differences) await inMerchant((tx) => rebuildOrder(tx, orderId))
  return found
}

/** Makes an order's row and lines what its events say. */
export async function rebuildOrder(tx: Tx, orderId: string): Promise<void> {
  await holdOrder(tx, orderId)
  const state = foldOrder((await orderEventsQuery(tx, orderId)) as unknown as StoredOrderEvent[])
  if (state) await Promise.all([updateOrder(tx, orderId, state), writeLines(tx, state.lines)])
}

async function nextOrders(tx: Tx, after: bigint) {
  return tx.sql<{ id: string; number: bigint }[]>`
    select id, number from orders where merchant_id = ${tx.merchantId} and number > ${after} order by number limit ${BATCH_ORDERS}`
}

async function compareOrder(tx: Tx, orderId: string): Promise<OrderDifference | 'untold'> {
  const [{ state }, events] = await Promise.all([readOrderState(tx, orderId), orderEventsQuery(tx, orderId)])
  const folded = foldOrder(events as unknown as StoredOrderEvent[])
  return folded ? { orderId, number: state.number, fields: differences(state, folded) } : 'untold'
}

/** The names of everything in which two states of one order differ. */
export function differences(row: OrderState, folded: OrderState): string[] {
  const names = (Object.keys(folded) as (keyof OrderState)[]).filter((name) => name !== 'lines')
  const ofOrder = names.filter((name) => plain(row[name]) !== plain(folded[name]))
  const known = new Map(row.lines.map((line) => [line.id, line]))
  const ofLines = folded.lines.flatMap((line) => lineDifferences(known.get(line.id), line))
  const unheard = row.lines.filter(({ id }) => !folded.lines.some((line) => line.id === id)).map(({ id }) => `lines/${id}`)
  return [...ofOrder, ...ofLines, ...unheard]
}

function lineDifferences(row: OrderLineState | undefined, folded: OrderLineState): string[] {
  if (!row) return [`lines/${folded.id}`]
  const names = Object.keys(folded) as (keyof OrderLineState)[]
  return names.filter((name) => row[name] !== folded[name]).map((name) => `lines/${folded.id}/${name}`)
}

function plain(value: unknown): string {
  if (value instanceof Date) return value.toISOString()
  return Array.isArray(value) ? JSON.stringify(value) : String(value)
}
