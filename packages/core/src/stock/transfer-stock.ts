import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { recordEvent } from '../events/record.ts'
import { newId } from '../ids.ts'
import { type FieldProblem, Refusal } from '../refusal.ts'
import { requireProse } from '../text.ts'
import { STOCK_CHANGE_MAX } from './adjust.ts'
import type { ByWhom } from './end-reservations.ts'
import { linesJson } from './lines-json.ts'
import { listLocations, noLocation } from './locations.ts'
import { openLevelAt } from './open-level-at.ts'
import { holdOpenTransfer, inTransit, loadTransfer, type Transfer } from './transfer.ts'

export const TRANSFER_LINES_MAX = 500
export const TRANSFER_NOTE_BYTES_MAX = 1_000

export interface NewTransfer {
  fromLocationId: string
  toLocationId: string
  lines: readonly { variantId: string; quantity: bigint }[]
  note: string
}

/** What arrived of a line, and what never will. */
export interface Arrival {
  variantId: string
  received: bigint
  lost: bigint
}

/**
 * Sends goods from one location to another: they are on hand nowhere until they are received. All lines or none, and nothing that is
 * promised to a buyer there. Refuses `not_found`, `duplicate`, `quantity_out_of_range`, and `insufficient_stock`, which also says that
 * goods are not tracked, or a bundle, which has no stock of its own.
 */
export async function sendTransfer(tx: Tx, given: NewTransfer, by: ByWhom): Promise<Transfer> {
  const note = requireProse('/note', given.note, TRANSFER_NOTE_BYTES_MAX)
  const { fromLocationId, toLocationId, lines } = given
  await assertPlaces(tx, given)
  assertLines(lines)
  const id = newId(by.now)
  await tx.sql`
    insert into stock_transfer (merchant_id, id, from_location_id, to_location_id, note, actor, sent_at)
    values (${tx.merchantId}, ${id}, ${fromLocationId}, ${toLocationId}, ${note}, ${JSON.stringify(by.actor)}::jsonb, ${by.now})`
  await tx.sql`
    insert into stock_transfer_line (merchant_id, transfer_id, variant_id, quantity)
    select ${tx.merchantId}::uuid, ${id}::uuid, variant_id, quantity
    from jsonb_to_recordset(${linesJson(lines)}::jsonb) as line (variant_id uuid, quantity bigint)`
  const taken = await moveOnHand(tx, { transferId: id, locationId: fromLocationId, lines: negated(lines) }, by)
  await assertTaken(tx, lines, taken)
  await tell(tx, id, 'stock_transfer.sent', lines, by)
  return loadTransfer(tx, id)
}

/**
 * Writes down what arrived of a transfer, and what never will; the rest stays in transit. Refuses `not_found`, `invalid_state` for one
 * that is closed, and `quantity_out_of_range` for more than is in transit.
 */
export async function receiveTransfer(tx: Tx, id: string, arrivals: readonly Arrival[], by: ByWhom): Promise<Transfer> {
  const transfer = await holdOpenTransfer(tx, id)
  assertArrivals(transfer, arrivals)
  const came = arrivals.filter(({ received }) => received > 0n).map(({ variantId, received }) => ({ variantId, quantity: received }))
  const written = arrivals.map(({ variantId, received, lost }) => ({ variantId, received: received.toString(), lost: lost.toString() }))
  await tx.sql`
    update stock_transfer_line l set received = l.received + a.received, lost = l.lost + a.lost
    from jsonb_to_recordset(${JSON.stringify(written)}::jsonb) as a ("variantId" uuid, received bigint, lost bigint)
    where l.merchant_id = ${tx.merchantId} and l.transfer_id = ${id} and l.variant_id = a."variantId"`
  await openLevelAt(tx, { locationId: transfer.toLocationId, soldAs: came.map(({ variantId }) => variantId) })
  await assertThere(came, await moveOnHand(tx, { transferId: id, locationId: transfer.toLocationId, lines: came }, by))
  await close(tx, id, 'received', by)
  await tell(tx, id, 'stock_transfer.received', came, by)
  return loadTransfer(tx, id)
}

/** Calls back what of a transfer is in transit: it is where it came from again. Refuses `not_found` and `invalid_state`. */
export async function cancelTransfer(tx: Tx, id: string, by: ByWhom): Promise<Transfer> {
  const { fromLocationId, lines } = await holdOpenTransfer(tx, id)
  const back = lines.map((line) => ({ variantId: line.variantId, quantity: inTransit(line) })).filter(({ quantity }) => quantity > 0n)
  await tx.sql`
    update stock_transfer_line set called_back = quantity - received - lost where merchant_id = ${tx.merchantId} and transfer_id = ${id}`
  await assertThere(back, await moveOnHand(tx, { transferId: id, locationId: fromLocationId, lines: back }, by))
  await close(tx, id, 'cancelled', by)
  await tell(tx, id, 'stock_transfer.cancelled', back, by)
  return loadTransfer(tx, id)
}

interface Move {
  transferId: string
  locationId: string
  /** Signed. */
  lines: readonly { variantId: string; quantity: bigint }[]
}

/** Changes what is on hand, where nothing that is promised would be missing, in claim order. Answers the variants it has changed. */
async function moveOnHand(tx: Tx, { transferId, locationId, lines }: Move, { actor, now }: ByWhom): Promise<{ variant_id: string }[]> {
  if (lines.length === 0) return []
  return tx.sql<{ variant_id: string }[]>`
    with asked as (
      select variant_id, quantity from jsonb_to_recordset(${linesJson(lines)}::jsonb) as line (variant_id uuid, quantity bigint)
    ), locked as materialized (
      select l.variant_id, a.quantity from asked a
        join stock_level l on l.merchant_id = ${tx.merchantId} and l.variant_id = a.variant_id and l.location_id = ${locationId}
      where l.tracked and not l.bundle
      order by l.variant_id
      for no key update of l
    ), changed as (
      update stock_level l set on_hand = l.on_hand + k.quantity
      from locked k
      where l.merchant_id = ${tx.merchantId} and l.location_id = ${locationId} and l.variant_id = k.variant_id
        and (k.quantity > 0 or l.on_hand + k.quantity >= l.reserved + l.allocated)
      returning l.variant_id, k.quantity
    ), moved as (
      insert into stock_movement (merchant_id, variant_id, location_id, on_hand_change, reason, transfer_id, actor, occurred_at)
      select ${tx.merchantId}, variant_id, ${locationId}::uuid, quantity, 'transfer', ${transferId}::uuid, ${JSON.stringify(actor)}::jsonb,
        ${now}::timestamptz
      from changed
    )
    select variant_id from changed`
}

/** Refuses `not_found` for goods that are nobody's here, and `insufficient_stock`. */
async function assertTaken(tx: Tx, lines: NewTransfer['lines'], taken: readonly { variant_id: string }[]): Promise<void> {
  const short = lines.map(({ variantId }) => variantId).filter((id) => !taken.some((row) => row.variant_id === id))
  if (short.length === 0) return
  const known = await tx.sql<{ variant_id: string }[]>`
    select distinct variant_id from stock_level where merchant_id = ${tx.merchantId} and variant_id = any(${short}::uuid[])`
  const errors = lines.flatMap(({ variantId }, index): FieldProblem[] => {
    const isUnknown = short.includes(variantId) && !known.some((row) => row.variant_id === variantId)
    return isUnknown ? [{ pointer: `/lines/${index}/variant_id`, code: 'not_found' }] : []
  })
  if (errors.length > 0) throw new Refusal('not_found', { detail: 'There is no such variant.', errors })
  throw new Refusal('insufficient_stock', { detail: 'Not as much is free at this location.', extra: { variant_ids: short } })
}

/** Refuses `invalid_state` where goods have no level that is counted any more: their variant was deleted, or is sold otherwise. */
async function assertThere(lines: Move['lines'], moved: readonly { variant_id: string }[]): Promise<void> {
  if (moved.length === lines.length) return
  throw new Refusal('invalid_state', {
    detail: 'Some of the goods are not counted any more: write them off as lost.',
    extra: { current_state: 'not_counted' },
  })
}

/** One that has nothing in transit any more is closed; of another something has come. */
function close(tx: Tx, id: string, as: 'received' | 'cancelled', { now }: ByWhom): Query {
  return tx.sql`
    update stock_transfer t set status = case when s.is_done then ${as} else 'part_received' end,
      closed_at = case when s.is_done then ${now}::timestamptz end
    from (
      select bool_and(quantity = received + lost + called_back) as is_done from stock_transfer_line
      where merchant_id = ${tx.merchantId} and transfer_id = ${id}
    ) s
    where t.merchant_id = ${tx.merchantId} and t.id = ${id}`
}

async function assertPlaces(tx: Tx, { fromLocationId, toLocationId }: NewTransfer): Promise<void> {
  const known = new Set((await listLocations(tx)).map(({ id }) => id))
  if (!known.has(fromLocationId)) throw noLocation('/from_location_id')
  if (!known.has(toLocationId)) throw noLocation('/to_location_id')
  if (fromLocationId !== toLocationId) return
  throw new Refusal('duplicate', {
    detail: 'A transfer goes from one location to another.',
    errors: [{ pointer: '/to_location_id', code: 'duplicate' }],
  })
}

function assertLines(lines: NewTransfer['lines']): void {
  const errors = lines.flatMap(({ variantId, quantity }, index): FieldProblem[] => {
    if (quantity <= 0n || quantity > BigInt(STOCK_CHANGE_MAX))
      return [{ pointer: `/lines/${index}/quantity`, code: 'quantity_out_of_range' }]
    const isTwice = lines.findIndex((other) => other.variantId === variantId) !== index
    return isTwice ? [{ pointer: `/lines/${index}/variant_id`, code: 'duplicate' }] : []
  })
  if (errors.length > 0) throw new Refusal(errors[0]!.code as 'duplicate', { detail: 'The goods cannot be sent like this.', errors })
}

function assertArrivals({ lines }: Transfer, arrivals: readonly Arrival[]): void {
  const errors = arrivals.flatMap(({ variantId, received, lost }, index): FieldProblem[] => {
    const line = lines.find((each) => each.variantId === variantId)
    if (!line) return [{ pointer: `/lines/${index}/variant_id`, code: 'not_found' }]
    if (arrivals.findIndex((other) => other.variantId === variantId) !== index)
      return [{ pointer: `/lines/${index}/variant_id`, code: 'duplicate' }]
    const isPart = received >= 0n && lost >= 0n && received + lost > 0n && received + lost <= inTransit(line)
    return isPart ? [] : [{ pointer: `/lines/${index}/received`, code: 'quantity_out_of_range' }]
  })
  if (errors.length > 0) throw new Refusal(errors[0]!.code as 'duplicate', { detail: 'That is not what is in transit.', errors })
}

function negated(lines: NewTransfer['lines']): Move['lines'] {
  return lines.map(({ variantId, quantity }) => ({ variantId, quantity: -quantity }))
}

function tell(tx: Tx, id: string, type: string, lines: Move['lines'], { actor, now }: ByWhom) {
  const data = { transfer_id: id, lines: lines.map(({ variantId, quantity }) => ({ variant_id: variantId, quantity: Number(quantity) })) }
  return recordEvent(tx, { type, aggregateType: 'stock_transfer', aggregateId: id, data, actor, now })
}
