import { setTimeout as sleep } from 'node:timers/promises'
import type { Side } from './cell-sides.ts'
import type { HeldMove } from './held-move.ts'

const POLL_MS = 1
// A stream that has just begun, or lies behind, takes seconds: whoever asked each millisecond would keep a core busy that is its neighbours'.
const POLL_SHARE = 0.25
const POLL_MAX_MS = 25
const TIMEOUT_MS = 60_000

/**
 * Sends a marker after everything that was written at `from` so far, and waits until it is seen at `to`. Commits arrive in
 * their order, so all of that is there then, whatever positions the servers have reported. Answers how long it took, or
 * undefined if it did not come in time.
 */
export async function passMarker(held: HeldMove, from: Side, to: Side, withinMs: number): Promise<number | undefined> {
  const number = await held.nextNumber()
  const { merchantId } = held.move
  const startedAt = performance.now()
  await from.sql`insert into tenancy.move_marker (merchant_id, id) values (${merchantId}, ${number.toString()})`
  const arrived = await readBehindMarker(to, merchantId, number, withinMs, async () => true, {
    check: () => held.assertHeld(),
    pollMs: (waitedMs) => Math.min(POLL_MAX_MS, Math.max(POLL_MS, waitedMs * POLL_SHARE)),
  })
  const tookMs = performance.now() - startedAt
  await from.sql`delete from tenancy.move_marker where merchant_id = ${merchantId} and id <= ${number.toString()}`
  return arrived === undefined ? undefined : tookMs
}

/** Throws if the marker does not come within a minute. */
export async function markerPassed(held: HeldMove, from: Side, to: Side): Promise<void> {
  if ((await passMarker(held, from, to, TIMEOUT_MS)) === undefined)
    throw new Error(`Changes do not reach ${to.cell} within ${TIMEOUT_MS} ms.`)
}

/**
 * What is read at `to` as soon as the marker is there, or undefined if it does not come in time. On a single connection: asked for together
 * with the marker each time, and read after it. `pollMs` says how long to rest after so many milliseconds of waiting: hardly at all, for
 * writers wait, unless told otherwise.
 */
export async function readBehindMarker<Answer>(
  { sql }: Side,
  merchantId: string,
  number: bigint,
  withinMs: number,
  read: () => Promise<Answer>,
  { check = () => {}, pollMs = () => POLL_MS }: { check?(): void; pollMs?(waitedMs: number): number } = {},
): Promise<Answer | undefined> {
  const startedAt = performance.now()
  for (;;) {
    const seen = sql`select 1 from tenancy.move_marker where merchant_id = ${merchantId} and id = ${number.toString()}`
    const [marks, answer] = await Promise.all([seen, read()])
    if (marks.length > 0) return answer
    check()
    const waitedMs = performance.now() - startedAt
    if (waitedMs > withinMs) return undefined
    await sleep(pollMs(waitedMs))
  }
}
