import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordOrderEvent } from '../orders/record-order-event.ts'
import { Refusal } from '../refusal.ts'
import { takeBackStock } from '../stock/take-back.ts'
import { assertReturnIs, cameBack, holdReturn, type Inspection, loadReturn, type OrderReturn, type ReturnLine } from './order-return.ts'

export interface Receipt {
  /** Where the goods are. */
  locationId: string
  /** What was found of each line; together as much as was announced. */
  lines: readonly { lineId: string; inspections: readonly Inspection[] }[]
}

/**
 * The goods of an approved return are here and were looked at: what is good goes back into stock, and the order says what came
 * back, in one transaction. Refuses `quantity_out_of_range` unless every announced piece is accounted for, once, and for a
 * return of which nothing came.
 */
export async function receiveReturn(
  tx: Tx,
  id: string,
  { locationId, lines }: Receipt,
  by: { actor: Actor; now: Date },
): Promise<OrderReturn> {
  const { held, orderReturn } = await holdReturn(tx, id)
  assertReturnIs(orderReturn, ['approved'], 'received')
  await assertLocation(tx, locationId)
  const found = inspected(orderReturn, lines)
  const rows = found.flatMap(({ lineId, inspections }) =>
    inspections.map(({ decision, quantity, condition }) => ({ id: lineId, decision, quantity: quantity.toString(), condition })),
  )
  await tx.sql`
    update order_return set status = 'received', received_at = ${by.now}, location_id = ${locationId}
    where merchant_id = ${tx.merchantId} and id = ${id}`
  await tx.sql`
    insert into order_return_inspection (merchant_id, return_id, order_line_id, decision, quantity, condition)
    select ${tx.merchantId}, ${id}::uuid, id, decision, quantity, condition
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as found (id uuid, decision text, quantity bigint, condition text)`
  const restocked = found.flatMap(({ variantId, inspections }) =>
    inspections.filter(({ decision }) => decision === 'restock').map(({ quantity }) => ({ variantId, quantity })),
  )
  if (restocked.length > 0) await takeBackStock(tx, { orderId: held.id, locationId, lines: restocked, ...by })
  crashPoint('return.received')
  const back = found.map((line) => ({ lineId: line.lineId, quantity: cameBack(line) })).filter(({ quantity }) => quantity > 0n)
  await recordOrderEvent(tx, held, { type: 'return.received', returnId: id, lines: back }, by)
  return loadReturn(tx, id)
}

/** Every line of the return with what was found of it. */
function inspected({ lines }: OrderReturn, receipt: Receipt['lines']): ReturnLine[] {
  receipt.forEach(({ lineId }, index) => {
    if (lines.some((line) => line.lineId === lineId)) return
    const errors = [{ pointer: `/lines/${index}/line_id`, code: 'not_found' }]
    throw new Refusal('not_found', { detail: 'The return has no such line.', errors })
  })
  const found = lines.map((line) => {
    const index = receipt.findIndex(({ lineId }) => lineId === line.lineId)
    const inspections = [...(receipt[index]?.inspections ?? [])]
    const isOnce = receipt.filter(({ lineId }) => lineId === line.lineId).length === 1
    const decisions = new Set(inspections.map(({ decision }) => decision))
    const sum = inspections.reduce((total, { quantity }) => total + quantity, 0n)
    const isWhole = sum === line.quantity && inspections.every(({ quantity }) => quantity > 0n) && decisions.size === inspections.length
    if (isOnce && isWhole) return { ...line, inspections }
    throw new Refusal('quantity_out_of_range', {
      detail: `Of this line ${line.quantity} were announced: say of each what was found, once for each decision.`,
      errors: [{ pointer: index < 0 ? '/lines' : `/lines/${index}/inspections`, code: 'quantity_out_of_range' }],
    })
  })
  if (found.some((line) => cameBack(line) > 0n)) return found
  throw new Refusal('quantity_out_of_range', {
    detail: 'Nothing came back: cancel the return.',
    errors: [{ pointer: '/lines', code: 'quantity_out_of_range' }],
  })
}

async function assertLocation(tx: Tx, id: string): Promise<void> {
  const [row] = await tx.sql`select id from location where merchant_id = ${tx.merchantId} and id = ${id}`
  if (!row)
    throw new Refusal('not_found', { detail: 'There is no such location.', errors: [{ pointer: '/location_id', code: 'not_found' }] })
}
