import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, eq } from 'drizzle-orm'
import { recordAudit } from '../audit/record-audit.ts'
import { newId } from '../ids.ts'
import { enqueue } from '../jobs.ts'
import { mine } from '../mine.ts'
import { Refusal } from '../refusal.ts'
import { requireName } from '../text.ts'
import { batchById, type CouponBatch } from './coupon.ts'
import { couponKey, RANDOM_LENGTH_MAX, RANDOM_LENGTH_MIN, randomCode } from './coupon-code.ts'
import { BATCH_CODES_MAX, BATCH_NAME_GRAPHEMES_MAX, BATCHES_OPEN_MAX, COUPON_PREFIX_LENGTH_MAX } from './limits.ts'
import { assertTerms, type CouponTerms, kept } from './save-coupon.ts'
import type { Change } from './save-promotion.ts'
import { couponBatches } from './tables.ts'

/** Codes of one transaction: it takes about 100 ms. */
export const CHUNK_CODES_MAX = 2_000
// A code that is there already is drawn again. Codes are long enough that this hardly ever happens.
const DRAWS_MAX = 10

export interface NewCouponBatch extends CouponTerms {
  promotionId: string
  /** What staff call it. */
  name: string
  /** What every code begins with; may be ''. */
  prefix: string
  /** Characters after the prefix, which nobody can guess. */
  codeLength: number
  quantity: number
}

/**
 * Asks for many codes with the same terms, each of its own; a job makes them. Refuses what assertTerms does, `coupon_code_invalid` for
 * the prefix, `quantity_out_of_range`, and `too_many_in_progress` when enough batches are on their way.
 */
export async function openBatch(tx: Tx, given: NewCouponBatch, change: Change): Promise<CouponBatch> {
  const name = requireName('/name', given.name, BATCH_NAME_GRAPHEMES_MAX)
  const prefix = requirePrefix(given.prefix)
  assertInRange('/quantity', given.quantity, 1, BATCH_CODES_MAX)
  assertInRange('/code_length', given.codeLength, RANDOM_LENGTH_MIN, RANDOM_LENGTH_MAX)
  await assertTerms(tx, given.promotionId, given)
  // The settings row is locked, so that batches that are asked for together are counted one after the other.
  await tx.sql`select 1 from merchant_settings where merchant_id = ${tx.merchantId} for no key update`
  const [open] = await tx.sql<{ count: bigint }[]>`
    select count(*) from coupon_batch where merchant_id = ${tx.merchantId} and status <> 'done'`
  if (open!.count >= BigInt(BATCHES_OPEN_MAX))
    throw new Refusal('too_many_in_progress', { detail: `At most ${BATCHES_OPEN_MAX} batches of codes are made at a time.` })
  const id = newId(change.now)
  const { promotionId, codeLength, quantity } = given
  await tx.insert(couponBatches).values({
    merchantId: tx.merchantId,
    id,
    promotionId,
    name,
    prefix,
    codeLength,
    quantity,
    status: 'queued',
    author: change.actor,
    createdAt: change.now,
    ...kept(given),
  })
  await enqueue(tx, 'generate_coupons', { batchId: id }, { key: id })
  const batch = await batchById(tx, id)
  await recordAudit(tx, { action: 'coupon_batch.created', targetType: 'coupon_batch', targetId: id, before: null, after: batch, ...change })
  return batch
}

/**
 * Makes the codes of a batch, chunk by chunk, each in one transaction with the progress it makes. A run that was killed goes on
 * after its last chunk; two runs at once take turns; one that is over is left alone.
 */
export async function generateCoupons(
  inMerchant: InMerchant,
  { batchId }: { batchId: string },
  options: { now?: () => Date; onChunk?: (generated: number) => void } = {},
): Promise<void> {
  const now = options.now ?? (() => new Date())
  for (;;) {
    const generated = await inMerchant((tx) => writeChunk(tx, batchId, now()))
    if (generated === undefined) return
    crashPoint('coupons.chunk_committed')
    options.onChunk?.(generated)
  }
}

/** Takes all codes of a batch out of use, also those that are still to be made. Again, it changes nothing. Refuses `not_found`. */
export async function disableBatch(tx: Tx, batchId: string, change: Change): Promise<CouponBatch> {
  const before = await batchById(tx, batchId)
  if (before.disabledAt) return before
  await tx
    .update(couponBatches)
    .set({ disabledAt: change.now })
    .where(and(mine(tx, couponBatches), eq(couponBatches.id, batchId)))
  const after = await batchById(tx, batchId)
  await recordAudit(tx, { action: 'coupon_batch.disabled', targetType: 'coupon_batch', targetId: batchId, before, after, ...change })
  return after
}

/** Batches that a worker should be busy with; not those whose job was given up, which wait for somebody to retry it. */
export async function unfinishedBatches(tx: Pick<Tx, 'merchantId' | 'sql'>): Promise<string[]> {
  const rows = await tx.sql<{ id: string }[]>`
    select b.id from coupon_batch b
    where b.merchant_id = ${tx.merchantId} and b.status in ('queued', 'running')
      and not exists (
        select 1 from dead_job d
        where d.merchant_id = ${tx.merchantId} and d.task = 'generate_coupons' and d.payload ->> 'batchId' = b.id::text
      )
    order by b.id`
  return rows.map((row) => row.id)
}

/** How many codes there are now; undefined when there is nothing left to do. */
async function writeChunk(tx: Tx, batchId: string, now: Date): Promise<number | undefined> {
  const [batch] = await tx.sql<Pending[]>`
    select promotion_id, prefix, code_length, quantity, generated from coupon_batch
    where merchant_id = ${tx.merchantId} and id = ${batchId} and status <> 'done'
    for no key update`
  if (!batch) return undefined
  const wanted = Math.min(CHUNK_CODES_MAX, batch.quantity - batch.generated)
  let made = 0
  for (let draw = 0; made < wanted; draw++) {
    if (draw === DRAWS_MAX) throw new Error(`batch ${batchId}: codes that nobody has are not found`)
    made += await insertCodes(tx, batchId, batch, wanted - made, now)
  }
  const generated = batch.generated + made
  const done = generated === batch.quantity
  await tx.sql`
    update coupon_batch set generated = ${generated}::int, status = ${done ? 'done' : 'running'},
      finished_at = ${done ? now : null}::timestamptz
    where merchant_id = ${tx.merchantId} and id = ${batchId}`
  crashPoint('coupons.chunk_written')
  return generated
}

interface Pending {
  promotion_id: string
  prefix: string
  code_length: number
  quantity: number
  generated: number
}

/** How many of the codes drawn were new. The terms are read from the batch, as they are. */
async function insertCodes(tx: Tx, batchId: string, batch: Pending, count: number, now: Date): Promise<number> {
  const drawn = Array.from({ length: count }, () => ({ id: newId(now), code: randomCode(batch.prefix, batch.code_length) }))
  const rows = drawn.map(({ id, code }) => ({ id, code, code_key: couponKey(code) }))
  const inserted = await tx.sql`
    insert into coupon (merchant_id, id, promotion_id, batch_id, code, code_key, uses_max, uses_per_customer, starts_at, expires_at, created_at)
    select ${tx.merchantId}, d.id, b.promotion_id, b.id, d.code, d.code_key, b.uses_max, b.uses_per_customer, b.starts_at, b.expires_at,
      ${now}::timestamptz
    from coupon_batch b, jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as d (id uuid, code text, code_key text)
    where b.merchant_id = ${tx.merchantId} and b.id = ${batchId}
    on conflict (merchant_id, code_key) do nothing
    returning 1`
  return inserted.length
}

/** A prefix in the form codes are compared in: a code is then its own normal form. */
function requirePrefix(prefix: string): string {
  if (prefix === '') return ''
  const key = couponKey(prefix)
  if (key !== undefined && key.length <= COUPON_PREFIX_LENGTH_MAX) return key
  const detail = `A prefix has at most ${COUPON_PREFIX_LENGTH_MAX} characters that codes may have.`
  throw new Refusal('coupon_code_invalid', { detail, errors: [{ pointer: '/prefix', code: 'coupon_code_invalid', detail }] })
}

function assertInRange(pointer: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return
  const detail = `From ${least} to ${most}.`
  throw new Refusal('quantity_out_of_range', { detail, errors: [{ pointer, code: 'quantity_out_of_range', detail }] })
}
