import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { loadCart } from '../cart/cart.ts'
import { newId } from '../ids.ts'
import { enqueue } from '../jobs.ts'
import { versionOf } from '../promotions/promotion.ts'
import { Refusal } from '../refusal.ts'
import { type DryRun, dryRunById } from './dry-run.ts'
import { CHUNK_ORDERS_MAX, finish, keep, type Looked, loadCandidate, tryOrders } from './run-dry-run.ts'
import { dryRuns } from './tables.ts'
import { VersionTrial } from './try-version.ts'

/** Orders a version can be tried on: the last so many. Up to CHUNK_ORDERS_MAX are looked at while the caller waits. */
export const DRY_RUN_ORDERS_MAX = 1_000
export const DRY_RUN_CARTS_MAX = 100
/** Of one merchant, by jobs. */
export const DRY_RUNS_OPEN_MAX = 3
/** Of one promotion; the oldest go. */
export const DRY_RUNS_KEPT_MAX = 20

export interface NewDryRun {
  promotionId: string
  version: number
  actor: Actor
  now: Date
}

/**
 * Tries a version on the last orders: what they would have come to, had it been in force for all buyers when they were placed.
 * A small sample is answered at once, a larger one by a job. Refuses `not_found`, `quantity_out_of_range`, and
 * `too_many_in_progress`.
 */
export async function dryRunOnOrders(tx: Tx, given: NewDryRun & { orders: number }): Promise<DryRun> {
  const { orders, now } = given
  if (!Number.isInteger(orders) || orders < 1 || orders > DRY_RUN_ORDERS_MAX) throw outOfRange('/orders', DRY_RUN_ORDERS_MAX)
  const dryRunId = await open(tx, given, 'orders', orders)
  if (orders <= CHUNK_ORDERS_MAX) await tryOrders(tx, dryRunId, now)
  else await enqueue(tx, 'run_dry_run', { dryRunId }, { key: dryRunId })
  return dryRunById(tx, dryRunId)
}

/** Tries a version on carts as they are now, each once. Refuses as dryRunOnOrders does, and `not_found` for a cart, by its place. */
export async function dryRunOnCarts(tx: Tx, given: NewDryRun & { cartIds: readonly string[] }): Promise<DryRun> {
  const cartIds = [...new Set(given.cartIds)]
  if (cartIds.length < 1 || cartIds.length > DRY_RUN_CARTS_MAX) throw outOfRange('/cart_ids', DRY_RUN_CARTS_MAX)
  const dryRunId = await open(tx, given, 'carts', cartIds.length)
  const { candidate } = await loadCandidate(tx, given)
  const trial = new VersionTrial(candidate)
  const looked: Looked[] = []
  for (const cartId of cartIds) looked.push({ subjectId: cartId, orderNumber: null, trial: await tryCart(tx, cartId, trial, given) })
  await keep(tx, { id: dryRunId }, looked)
  await finish(tx, dryRunId, given.now)
  return dryRunById(tx, dryRunId)
}

async function tryCart(tx: Tx, cartId: string, trial: VersionTrial, { cartIds, now }: NewDryRun & { cartIds: readonly string[] }) {
  try {
    const { pricingInput, pricing } = await loadCart(tx, cartId, now)
    return trial.run(pricingInput, pricing.rules)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    if (error.code !== 'not_found') return null
    const detail = 'There is no such cart.'
    throw new Refusal('not_found', { detail, errors: [{ pointer: `/cart_ids/${cartIds.indexOf(cartId)}`, code: 'not_found', detail }] })
  }
}

async function open(tx: Tx, given: NewDryRun, source: DryRun['source'], sample: number): Promise<string> {
  const { promotionId, version, actor, now } = given
  await versionOf(tx, promotionId, version)
  // The settings row is locked, so that runs that are asked for together are counted one after the other.
  const [settings] = await tx.sql<{ order_number: bigint }[]>`
    select c.order_number from merchant_settings s join merchant_counter c on c.merchant_id = s.merchant_id
    where s.merchant_id = ${tx.merchantId} for no key update of s`
  const [openRuns] = await tx.sql<{ count: bigint }[]>`
    select count(*) from dry_run where merchant_id = ${tx.merchantId} and status <> 'done'`
  if (openRuns!.count >= BigInt(DRY_RUNS_OPEN_MAX))
    throw new Refusal('too_many_in_progress', { detail: `At most ${DRY_RUNS_OPEN_MAX} dry runs are made at a time.` })
  const id = newId(now)
  const position = settings!.order_number + 1n
  await tx.insert(dryRuns).values({
    merchantId: tx.merchantId,
    id,
    promotionId,
    version,
    source,
    sample,
    status: 'queued',
    position,
    author: actor,
    createdAt: now,
  })
  await tx.sql`
    delete from dry_run where merchant_id = ${tx.merchantId} and status = 'done' and id in (
      select id from dry_run where merchant_id = ${tx.merchantId} and promotion_id = ${promotionId} order by id desc offset ${DRY_RUNS_KEPT_MAX}::int
    )`
  return id
}

function outOfRange(pointer: string, most: number): Refusal {
  const detail = `From 1 to ${most}.`
  return new Refusal('quantity_out_of_range', { detail, errors: [{ pointer, code: 'quantity_out_of_range', detail }] })
}
