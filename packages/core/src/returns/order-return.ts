import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { openCursor, sealCursor, type TokenKeys } from '../capability.ts'
import { type HeldOrder, holdOrder } from '../orders/hold-order.ts'
import { Refusal } from '../refusal.ts'

export const RETURN_STATUSES = ['requested', 'approved', 'rejected', 'received', 'cancelled'] as const
export type ReturnStatus = (typeof RETURN_STATUSES)[number]

export const RETURN_REASONS = ['unwanted', 'wrong_item', 'damaged', 'defective', 'not_as_described', 'undeliverable', 'other'] as const
export type ReturnReason = (typeof RETURN_REASONS)[number]

/** Restocked goods are for sale again; damaged ones came back and are not; missing ones did not come. */
export const INSPECTION_DECISIONS = ['restock', 'damaged', 'missing'] as const
export type InspectionDecision = (typeof INSPECTION_DECISIONS)[number]

export interface Inspection {
  decision: InspectionDecision
  quantity: bigint
  /** In the words of whoever looked at it. */
  condition: string
}

export interface ReturnLine {
  lineId: string
  variantId: string
  productTitle: string
  variantTitle: string
  sku: string
  quantity: bigint
  reason: ReturnReason
  inspections: Inspection[]
}

/** Goods that a buyer sends back. */
export interface OrderReturn {
  id: string
  orderId: string
  orderNumber: bigint
  status: ReturnStatus
  note: string
  decisionNote: string
  locationId: string | null
  requestedBy: Actor
  refundId: string | null
  exchangeCartId: string | null
  /** Minor units. */
  exchangeCredit: bigint | null
  /** What the draft of the exchange became. */
  exchangeOrderId: string | null
  currency: string
  requestedAt: Date
  decidedAt: Date | null
  receivedAt: Date | null
  lines: ReturnLine[]
}

export interface HeldReturn {
  held: HeldOrder
  orderReturn: OrderReturn
}

/** The returns of an order, the first first. */
export async function returnsOf(tx: Pick<Tx, 'merchantId' | 'sql'>, orderId: string): Promise<OrderReturn[]> {
  return (await tx.sql`${returnRows(tx)} and r.order_id = ${orderId} order by r.id`).map(toReturn)
}

/** One return, or `not_found`. */
export async function loadReturn(tx: Pick<Tx, 'merchantId' | 'sql'>, id: string): Promise<OrderReturn> {
  const [row] = await tx.sql`${returnRows(tx)} and r.id = ${id}`
  if (!row) throw noReturn()
  return toReturn(row)
}

/** Locks the order of a return, and so every return of it. Refuses `not_found`. */
export async function holdReturn(tx: Tx, id: string): Promise<HeldReturn> {
  const { orderId } = await loadReturn(tx, id)
  const held = await holdOrder(tx, orderId)
  return { held, orderReturn: await loadReturn(tx, id) }
}

/** One page of returns, the newest first; of one status if asked. Refuses `invalid_cursor`. */
export async function listReturns(
  tx: Tx,
  keys: TokenKeys,
  { status, limit, cursor }: { status?: ReturnStatus | undefined; limit: number; cursor?: string | undefined },
): Promise<{ returns: OrderReturn[]; nextCursor: string | null }> {
  const scope = { merchantId: tx.merchantId, query: `returns|${status ?? ''}` }
  const [before = null] = cursor === undefined ? [] : openCursor(keys, scope, cursor)
  const rows = await tx.sql`
    ${returnRows(tx)} and (${status ?? null}::text is null or r.status = ${status ?? null}) and (${before}::uuid is null or r.id < ${before}::uuid)
    order by r.id desc limit ${limit + 1}`
  const returns = rows.slice(0, limit).map(toReturn)
  return { returns, nextCursor: rows.length > limit ? sealCursor(keys, scope, [returns.at(-1)!.id]) : null }
}

/** Refuses `invalid_state` unless the return is in one of these states. */
export function assertReturnIs({ status }: OrderReturn, states: readonly ReturnStatus[], what: string): void {
  if (states.includes(status)) return
  throw new Refusal('invalid_state', { detail: `A return that is ${status} cannot be ${what}.`, extra: { current_state: status } })
}

/** How much of a line came back. */
export function cameBack(line: ReturnLine): bigint {
  return line.inspections.filter(({ decision }) => decision !== 'missing').reduce((sum, { quantity }) => sum + quantity, 0n)
}

export function noReturn(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such return.' })
}

function returnRows(tx: Pick<Tx, 'merchantId' | 'sql'>): Query {
  return tx.sql`
    select r.id, r.order_id as "orderId", o.number as "orderNumber", o.currency, r.status, r.note, r.decision_note as "decisionNote",
      r.location_id as "locationId", r.requested_by as "requestedBy", r.refund_id as "refundId", r.exchange_cart_id as "exchangeCartId",
      r.exchange_credit as "exchangeCredit", r.requested_at as "requestedAt", r.decided_at as "decidedAt", r.received_at as "receivedAt",
      x.id as "exchangeOrderId", l.lines
    from order_return r
      join orders o on o.merchant_id = r.merchant_id and o.id = r.order_id
      left join orders x on x.merchant_id = r.merchant_id and x.cart_id = r.exchange_cart_id and x.status <> 'cancelled'
      cross join lateral (
        select jsonb_agg(jsonb_build_object('lineId', rl.order_line_id, 'variantId', ol.variant_id, 'productTitle', ol.product_title,
          'variantTitle', ol.variant_title, 'sku', ol.sku, 'quantity', rl.quantity, 'reason', rl.reason, 'inspections', coalesce((
            select jsonb_agg(jsonb_build_object('decision', i.decision, 'quantity', i.quantity, 'condition', i.condition) order by i.decision)
            from order_return_inspection i
            where i.merchant_id = rl.merchant_id and i.return_id = rl.return_id and i.order_line_id = rl.order_line_id), '[]')) order by ol.position) as lines
        from order_return_line rl join order_line ol on ol.merchant_id = rl.merchant_id and ol.id = rl.order_line_id
        where rl.merchant_id = r.merchant_id and rl.return_id = r.id
      ) l
    where r.merchant_id = ${tx.merchantId}`
}

function toReturn(row: object): OrderReturn {
  const { lines, ...rest } = row as Omit<OrderReturn, 'lines'> & { lines: (Omit<ReturnLine, 'quantity'> & { quantity: number })[] }
  return {
    ...rest,
    lines: lines.map((line) => ({
      ...line,
      quantity: BigInt(line.quantity),
      inspections: line.inspections.map((each) => ({ ...each, quantity: BigInt(each.quantity) })),
    })),
  }
}
