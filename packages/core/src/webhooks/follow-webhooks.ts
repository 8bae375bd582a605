import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import { BEYOND_ALL_EVENTS, type FollowerLease, holdFollower, releaseFollower, wakeFollower } from '../events/followers.ts'
import { CIRCUIT_FAILURES } from './health.ts'
import { LEASE_NEEDED_MS, type ServingDeps, serveEndpoint } from './serve-endpoint.ts'

/** A worker's turn at one merchant. */
export interface FollowerSession {
  lease: FollowerLease
  /** For how long the lease is certainly held, by monotonic time. */
  heldForMs(): number
  /** Aborted when the worker is being closed: nothing new may begin. */
  closing: AbortSignal
  /** Aborted when the lease is over without having been given back: another worker may have begun. */
  lost: AbortSignal
  /** Resolves when there may be something new to do. */
  nudged(): Promise<void>
}

/**
 * Delivers to all endpoints of a merchant that have something to do, each at its own pace: one that does not answer holds up
 * nobody but itself. Ends, and gives the lease back, when there is nothing left to do now.
 */
export async function followWebhooks(inMerchant: InMerchant, deps: ServingDeps, session: FollowerSession): Promise<void> {
  const serving = new Map<string, Promise<void>>()
  const broken = new AbortController()
  let failure: unknown
  const serve = (id: string) => {
    const served = serveEndpoint(inMerchant, deps, { ...session, broken: AbortSignal.any([broken.signal, session.lost]) }, id)
      .catch((error) => {
        failure ??= error
        broken.abort()
      })
      .finally(() => serving.delete(id))
    serving.set(id, served)
  }
  for (;;) {
    if (!session.closing.aborted && !broken.signal.aborted && session.heldForMs() > LEASE_NEEDED_MS) {
      const nudged = session.nudged()
      const ids = inMerchant.merchant.sandbox
        ? []
        : await inMerchant.read(endpointsWithWork).catch((error) => {
            failure ??= error
            broken.abort()
            return []
          })
      for (const id of ids) if (!serving.has(id)) serve(id)
      if (serving.size > 0) await Promise.race([...serving.values(), nudged])
    } else await Promise.all(serving.values())
    if (serving.size === 0) break
  }
  if (broken.signal.aborted) throw failure
  await inMerchant(async (tx) => {
    const revision = await holdFollower(tx, session.lease)
    await releaseFollower(tx, session.lease, { ...(await reached(tx)), revision })
  })
}

/** Wakes the workers if there is something to deliver that they may have missed. */
export async function wakeWebhooks(tx: Tx): Promise<void> {
  if ((await endpointsWithWork(tx)).length > 0) await wakeFollower(tx, 'webhooks')
}

async function endpointsWithWork(tx: Tx): Promise<string[]> {
  const rows = await tx.sql<{ id: string }[]>`
    select e.id from webhook_endpoint e
      join merchant_counter c on c.merchant_id = ${tx.merchantId}
    where e.merchant_id = ${tx.merchantId} and e.status = 'enabled' and (e.paused_until is null or e.paused_until <= now())
      and (e.position < c.event_sequence
        or exists (select from webhook_delivery d
          where d.merchant_id = ${tx.merchantId} and d.endpoint_id = e.id and d.status = 'pending' and (d.due_at <= now() or e.failures >= ${CIRCUIT_FAILURES}))
        or exists (select from webhook_replay r where r.merchant_id = ${tx.merchantId} and r.endpoint_id = e.id and r.done_at is null))`
  return rows.map(({ id }) => id)
}

/** How far those have come that are not paused, and when the next is to be tried. */
async function reached(tx: Tx): Promise<{ position: bigint; dueAt: Date | null }> {
  const [row] = await tx.sql<{ position: bigint | null; dueAt: Date | null }[]>`
    select min(e.position) filter (where not e.paused) as position, min(case when e.paused then e.paused_until else next.due_at end) as "dueAt"
    from (
      select id, position, failures, paused_until, coalesce(paused_until > now(), false) as paused from webhook_endpoint
      where merchant_id = ${tx.merchantId} and status = 'enabled'
    ) e
      cross join lateral (
        select least(
          (select min(case when e.failures >= ${CIRCUIT_FAILURES} then now() else d.due_at end) from webhook_delivery d where d.merchant_id = ${tx.merchantId} and d.endpoint_id = e.id and d.status = 'pending'),
          (select now() from webhook_replay r where r.merchant_id = ${tx.merchantId} and r.endpoint_id = e.id and r.done_at is null limit 1)
        ) as due_at
      ) next`
  return { position: row?.position ?? BEYOND_ALL_EVENTS, dueAt: row?.dueAt ?? null }
}
