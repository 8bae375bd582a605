import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import { enqueueUnlessQueued } from '../jobs.ts'
import { endReservations } from './end-reservations.ts'
import { foldClaims } from './fold-claims.ts'

const ENDED_PER_TRANSACTION = 500
/** Reservations that run out within the same such span are looked after by one job, at its end. */
const SWEEP_EVERY_MS = 15_000
const MINUTE_MS = 60_000
/** Claims gather for so long before they are counted over. */
const FOLD_AFTER_MS = 1_000
const ACTOR = { kind: 'job', task: 'sweep_reservations' } as const

/**
 * Ends the carts' reservations that the database's clock has overtaken, in short transactions, and answers how many. It never
 * races a payment: one that a checkout holds at this moment is skipped, and what has passed to an order is ended by the order's
 * own timer, with the order held (expireReservations).
 */
export async function sweepReservations(inMerchant: InMerchant, now: Date): Promise<number> {
  for (let ended = 0; ; ) {
    const rows = await inMerchant(async (tx) => {
      const due = tx.sql`order_id is null and expires_at <= now()`
      const limit = tx.sql`order by expires_at limit ${ENDED_PER_TRANSACTION} for update skip locked`
      const swept = await endReservations(tx, { due, limit, as: 'expired', by: { actor: ACTOR, now } })
      crashPoint('stock.swept')
      return swept
    })
    ended += rows.length
    if (rows.length < ENDED_PER_TRANSACTION) return ended
  }
}

/** Counts the claims over that were left on levels many waited for, in short transactions, and answers how many. */
export async function foldAllClaims(inMerchant: InMerchant): Promise<number> {
  for (let folded = 0; ; ) {
    const [row] = await inMerchant(async (tx) => foldClaims(tx, 'all'))
    folded += row!.folded as number
    if (row!.folded === 0) return folded
  }
}

/** Sees to it that a cart's reservation is looked at when its time is over. */
export async function wakeSweep(tx: Tx, given: { minutes: number; now: Date }): Promise<void> {
  const runAt = sweepTime(given)
  await enqueueUnlessQueued(tx, 'sweep_reservations', {}, { key: runAt.toISOString(), runAt })
}

/** When reservations that are made now are swept, if they come to that. */
export function sweepTime({ minutes, now }: { minutes: number; now: Date }): Date {
  return new Date(Math.ceil((now.getTime() + minutes * MINUTE_MS) / SWEEP_EVERY_MS) * SWEEP_EVERY_MS + 1_000)
}

export async function wakeFold(tx: Tx, now: Date): Promise<void> {
  await enqueueUnlessQueued(tx, 'fold_claims', {}, { key: 'fold', runAt: new Date(now.getTime() + FOLD_AFTER_MS) })
}

/** What is due whether or not a job for it was lost. */
export async function wakeStock(tx: Tx): Promise<void> {
  const [due] = await tx.sql<{ overdue: boolean; unfolded: boolean }[]>`
    select
      exists (select from stock_reservation
        where merchant_id = ${tx.merchantId} and status = 'active' and order_id is null and expires_at <= now()) as overdue,
      exists (select from stock_reservation
        where merchant_id = ${tx.merchantId} and status = 'claimed' and counted_as = 'reserved') as unfolded`
  if (due!.overdue) await enqueueUnlessQueued(tx, 'sweep_reservations', {}, { key: 'overdue' })
  if (due!.unfolded) await enqueueUnlessQueued(tx, 'fold_claims', {}, { key: 'overdue' })
}
