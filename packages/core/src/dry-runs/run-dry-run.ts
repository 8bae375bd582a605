import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import { ZodError } from 'zod'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { type CompiledPricing, compilePricing } from '../pricing/compile-pricing.ts'
import type { PricingInput } from '../pricing/pricing-input.ts'
import { readStoredPricing } from '../pricing/upgrade-pricing-input.ts'
import { markDryRun } from '../promotions/dry-run-stage.ts'
import { versionOf } from '../promotions/promotion.ts'
import { type GiftRow, giftsQuery, toGifts } from '../quote/goods.ts'
import { pricingOfVersion } from '../quote/pricing-versions.ts'
import { Refusal } from '../refusal.ts'
import { type DryRun, dryRunById } from './dry-run.ts'
import { type Candidate, differs, explanationOf, type Trial, VersionTrial } from './try-version.ts'

/** Orders of one transaction. */
export const CHUNK_ORDERS_MAX = 100

/** One cart or order that is looked at; null where it cannot be priced again. */
export interface Looked {
  subjectId: string
  orderNumber: bigint | null
  trial: Trial | null
}

interface OrderRow {
  id: string
  number: bigint
  pricing_input: unknown
}

/**
 * Tries a version on past orders, chunk by chunk from the newest, each in one transaction with the progress it makes. A run that was
 * killed goes on after its last chunk; two at once take turns; one that is over is left alone.
 */
export async function runDryRun(
  inMerchant: InMerchant,
  { dryRunId }: { dryRunId: string },
  options: { now?: () => Date; onChunk?: () => void } = {},
): Promise<void> {
  const now = options.now ?? (() => new Date())
  while (await inMerchant((tx) => tryOrders(tx, dryRunId, now()))) {
    crashPoint('dry_run.chunk_committed')
    options.onChunk?.()
  }
}

/** Dry runs that a worker should be busy with; not those whose job was given up, which wait for somebody to retry it. */
export async function unfinishedDryRuns(tx: Pick<Tx, 'merchantId' | 'sql'>): Promise<string[]> {
  const rows = await tx.sql<{ id: string }[]>`
    select r.id from dry_run r
    where r.merchant_id = ${tx.merchantId} and r.status in ('queued', 'running')
      and not exists (
        select 1 from dead_job d
        where d.merchant_id = ${tx.merchantId} and d.task = 'run_dry_run' and d.payload ->> 'dryRunId' = r.id::text
      )
    order by r.id`
  return rows.map((row) => row.id)
}

/** Looks at the next orders. False when the run is over. */
export async function tryOrders(tx: Tx, dryRunId: string, now: Date): Promise<boolean> {
  const [locked] = await tx.sql`
    select 1 from dry_run where merchant_id = ${tx.merchantId} and id = ${dryRunId} and status <> 'done' for no key update`
  if (!locked) return false
  const run = await dryRunById(tx, dryRunId)
  const left = run.sample - Number(run.considered + run.skipped)
  const limit = Math.min(CHUNK_ORDERS_MAX, left)
  const rows = await tx.sql<OrderRow[]>`
    select id, number, pricing_input from orders
    where merchant_id = ${tx.merchantId} and status <> 'cancelled' and number < ${run.position}::bigint
    order by number desc limit ${limit}::int`
  const { candidate, gifts } = await loadCandidate(tx, run)
  const trial = new VersionTrial(candidate)
  const looked: Looked[] = []
  for (const row of rows) looked.push({ subjectId: row.id, orderNumber: row.number, trial: await tryOrder(tx, row, trial, gifts) })
  await keep(tx, run, looked)
  await tx.sql`
    update dry_run set position = ${rows.at(-1)?.number ?? run.position}::bigint where merchant_id = ${tx.merchantId} and id = ${dryRunId}`
  const over = rows.length < limit || rows.length === left
  if (over) await finish(tx, dryRunId, now)
  crashPoint('dry_run.chunk_written')
  return !over
}

/** The version that is tried, with the variants it gives away as they are today. */
export async function loadCandidate(
  tx: Tx,
  { promotionId, version }: { promotionId: string; version: number },
): Promise<{ candidate: Candidate; gifts: readonly GiftRow[] }> {
  const { document } = await versionOf(tx, promotionId, version)
  const ids = document.actions.flatMap((action) => (action.type === 'gift' ? [action.variant_id] : []))
  const gifts = ids.length > 0 ? ((await giftsQuery(tx, ids)) as unknown as GiftRow[]) : []
  return { candidate: { document, gifts: toGifts(gifts, []) }, gifts }
}

/** Writes down what was found: the sums, and every difference. */
export async function keep(tx: Tx, run: Pick<DryRun, 'id'>, looked: readonly Looked[]): Promise<void> {
  const priced = looked.flatMap(({ trial, ...subject }) => (trial ? [{ ...subject, trial }] : []))
  const changed = priced.filter(({ trial }) => differs(trial))
  const sum = (amounts: bigint[]) => amounts.reduce((total, amount) => total + amount, 0n)
  const [before, after] = [
    sum(priced.map(({ trial }) => trial.before.totals.total)),
    sum(priced.map(({ trial }) => trial.after.totals.total)),
  ]
  await tx.sql`
    update dry_run set status = 'running', considered = considered + ${priced.length}::bigint, changed = changed + ${changed.length}::bigint,
      skipped = skipped + ${looked.length - priced.length}::bigint, total_before = total_before + ${before}::bigint,
      total_after = total_after + ${after}::bigint
    where merchant_id = ${tx.merchantId} and id = ${run.id}`
  if (changed.length === 0) return
  await tx.sql`
    insert into dry_run_difference (merchant_id, dry_run_id, subject_id, order_number, total_before, total_after, discount_before,
      discount_after, magnitude, explanation)
    select ${tx.merchantId}, ${run.id}::uuid, subject_id, order_number, total_before, total_after, discount_before, discount_after,
      abs(total_after - total_before), explanation
    from jsonb_to_recordset(${differencesJson(changed)}::jsonb)
      as d (subject_id uuid, order_number bigint, total_before bigint, total_after bigint, discount_before bigint, discount_after bigint,
        explanation jsonb)`
}

/** Ends a run: its version may be published now. */
export async function finish(tx: Tx, dryRunId: string, now: Date): Promise<void> {
  await tx.sql`
    update dry_run set status = 'done', finished_at = ${now}::timestamptz where merchant_id = ${tx.merchantId} and id = ${dryRunId}`
  const run = await dryRunById(tx, dryRunId)
  const { promotionId, version, source, considered, changed, skipped, totalBefore, totalAfter } = run
  await markDryRun(tx, promotionId, version, now)
  await recordAudit(tx, {
    action: 'promotion.dry_run_finished',
    targetType: 'promotion',
    targetId: promotionId,
    before: null,
    after: { version, source, considered, changed, skipped, total_before: totalBefore, total_after: totalAfter },
    reason: '',
    actor: run.author as Actor,
    now,
  })
}

async function tryOrder(tx: Tx, row: OrderRow, trial: VersionTrial, gifts: readonly GiftRow[]): Promise<Trial | null> {
  const stored = await storedPricing(tx, row)
  if (!stored) return null
  const { input, rules } = stored
  try {
    return trial.run(withGifts(input, gifts), rules)
  } catch (error) {
    if (error instanceof Refusal) return null
    throw error
  }
}

/** What an order was priced from, by the pricing of its day. Undefined where that cannot be read any more. */
async function storedPricing(tx: Tx, row: OrderRow): Promise<{ input: PricingInput; rules: CompiledPricing } | undefined> {
  try {
    const { input, document } = readStoredPricing(row.pricing_input)
    const rules = document ? compilePricing(document) : await pricingOfVersion(tx, input.pricingVersion)
    return rules && { input, rules }
  } catch (error) {
    if (error instanceof ZodError) return undefined
    throw error
  }
}

/** A gift is there for an order when one is left today besides what the order itself has of it. */
function withGifts(input: PricingInput, gifts: readonly GiftRow[]): PricingInput {
  const known = new Set(input.gifts.map((gift) => gift.variantId))
  const added = toGifts(gifts, input.lines).filter((gift) => !known.has(gift.variantId))
  return added.length === 0 ? input : { ...input, gifts: [...input.gifts, ...added] }
}

function differencesJson(changed: readonly { subjectId: string; orderNumber: bigint | null; trial: Trial }[]): string {
  const text = (amount: bigint) => amount.toString()
  return JSON.stringify(
    changed.map(({ subjectId, orderNumber, trial }) => ({
      subject_id: subjectId,
      order_number: orderNumber === null ? null : text(orderNumber),
      total_before: text(trial.before.totals.total),
      total_after: text(trial.after.totals.total),
      discount_before: text(trial.before.totals.discount),
      discount_after: text(trial.after.totals.discount),
      explanation: explanationOf(trial),
    })),
  )
}
