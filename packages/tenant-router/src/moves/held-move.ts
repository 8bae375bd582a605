import type postgres from 'postgres'
import { crashPoint } from '../crash-point.ts'
import type { Move, MoveFigures, MoveState } from './move.ts'

/** The lease is another mover's, or this process ends: whoever is told this stops at once and changes nothing more. */
export class MoveLost extends Error {
  override readonly name: string = 'MoveLost'
}

/** Whoever works on it waits for an answer that does not come. */
export class MoveSilent extends MoveLost {
  override readonly name = 'MoveSilent'
}

/** Somebody changed the state while a step was under way: an admin's wish, or a watchdog. The step for the new state comes next. */
export class StateChanged extends Error {
  override readonly name = 'StateChanged'
}

/** The move cannot succeed; trying again would not help. */
export class MoveFailed extends Error {
  override readonly name = 'MoveFailed'
}

export type ObjectKind = 'subscription' | 'slot' | 'publication' | 'rows'

export interface MoveObject {
  cell: string
  kind: ObjectKind
  name: string
}

/** A move as movers see it. */
export interface MoverMove extends Move {
  fence: bigint | null
  fenceAttempts: number
  /** When the row was as it is here, by the directory's clock: a mover's own may be wrong. */
  seenAt: Date
}

export const LEASE_MS = 10_000
const RENEW_MS = 1_000
export const FENCE_ATTEMPTS_MAX = 8
/** About how long a piece of long work takes: in much shorter ones more goes into beginning than into the work. */
export const PIECE_MS = 20
// Shorter rests cost more than they give.
const REST_FROM_MS = 10
const REST_MAX_MS = 1_000
const DECODING: MoveState[] = ['preflight', 'seeding', 'catching_up', 'verifying', 'fencing', 'unfencing']

export const MOVER_COLUMNS = `id, merchant_id as "merchantId", from_cell as "fromCell", to_cell as "toCell", state, direction, epoch::text as epoch,
  requested_by as "requestedBy", requested_at as "requestedAt", state_since as "stateSince", updated_at as "updatedAt",
  watch_until as "watchUntil", failure, figures, lost_cell as "lostCell", fence::text as fence, fence_attempts as "fenceAttempts",
  clock_timestamp() as "seenAt"`

export type MoverRow = Omit<MoverMove, 'epoch' | 'fence'> & { epoch: string; fence: string | null }

/**
 * The next move that is due and nobody works on. One that only waits for its turn is not due while its source feeds
 * `decodingMax` others: each of them reads all that the source writes.
 */
export async function claimMove(
  directory: postgres.Sql,
  owner: string,
  cells: readonly string[],
  decodingMax: number,
): Promise<MoverMove | undefined> {
  const [row] = await directory<MoverRow[]>`
    update platform.move set lease_owner = ${owner}, lease_until = clock_timestamp() + ${LEASE_MS} * interval '1 millisecond'
    where id = (
      select m.id from platform.move m
      where m.state not in ('done', 'aborted', 'rolled_back') and m.lease_until <= clock_timestamp()
        and (m.from_cell = any(${cells}) or m.from_cell = m.lost_cell) and (m.to_cell = any(${cells}) or m.to_cell = m.lost_cell)
        and (m.state <> 'requested' or ${decodingMax} > (
          select count(*) from platform.move o where o.from_cell = m.from_cell
            and o.state = any(${DECODING})))
      order by m.lease_until, m.id limit 1 for update skip locked)
    returning ${directory.unsafe(MOVER_COLUMNS)}`
  return row && toMoverMove(row)
}

/** A move under this process' lease: what may be written about it in the directory, as long as the lease lasts. */
export class HeldMove {
  readonly directory: postgres.Sql
  readonly owner: string
  move: MoverMove
  readonly #stopping: AbortSignal
  readonly #workShare: number
  readonly #renewing: NodeJS.Timeout
  #validUntil = performance.now() + LEASE_MS
  #interruption: Error | undefined
  #heardAt = performance.now()
  // Odd while the state is being changed from here.
  #changing = 0
  #restOwedMs = 0

  /** Of its time, `workShare` (above 0, at most 1) goes into long work, the rest into rests. */
  constructor(directory: postgres.Sql, owner: string, move: MoverMove, stopping: AbortSignal, workShare: number) {
    this.directory = directory
    this.owner = owner
    this.move = move
    this.#stopping = stopping
    this.#workShare = workShare
    this.#renewing = setInterval(() => void this.#renew(), RENEW_MS)
  }

  /** How long nothing has come of the work on it. */
  get silentMs(): number {
    return performance.now() - this.#heardAt
  }

  /** Whatever of the work comes to life again ends at once. */
  giveUp(): MoveSilent {
    const silent = new MoveSilent('Nothing came of it any more, for too long: a server takes what it is sent, and does not answer.')
    this.#interruption = silent
    return silent
  }

  /** Throws as soon as this step must not go on. */
  assertHeld(): void {
    this.#heardAt = performance.now()
    if (this.#stopping.aborted) throw new MoveLost('This process ends.')
    if (performance.now() > this.#validUntil) throw new MoveLost('The lease has run out.')
    if (this.#interruption) throw this.#interruption
  }

  /** Waits, and ends the step where it must not go on. */
  async pause(ms: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, ms))
    this.assertHeld()
  }

  /** How many things are done at once whose cost is others', of as many as with all of the time. */
  portion(whole: number): number {
    return Math.max(1, Math.round(whole * this.#workShare))
  }

  /** A piece of long work, and a rest after it. */
  async piece<T>(work: () => PromiseLike<T>): Promise<T> {
    const startedAt = performance.now()
    const result = await work()
    await this.rest(performance.now() - startedAt)
    return result
  }

  /**
   * After so much work: leaves the servers to those who live there, for as long as the share of work asks. What runs slower because they
   * are busy rests longer, too.
   */
  async rest(workedMs: number): Promise<void> {
    this.#restOwedMs += workedMs * (1 / this.#workShare - 1)
    if (this.#restOwedMs < REST_FROM_MS) return this.assertHeld()
    const restMs = Math.min(this.#restOwedMs, REST_MAX_MS)
    this.#restOwedMs = 0
    await this.pause(restMs)
  }

  /** Its turn comes when the source feeds fewer than so many others. False: not yet. */
  async takeTurn(decodingMax: number): Promise<boolean> {
    this.assertHeld()
    const { id, fromCell } = this.move
    const taken = await this.directory.begin(async (sql) => {
      await sql`select pg_advisory_xact_lock(hashtextextended(${fromCell}, 4243))`
      const { count } = await sql`
        update platform.move set state = 'preflight', state_since = clock_timestamp(), updated_at = clock_timestamp()
        where id = ${id} and state = 'requested' and lease_owner = ${this.owner} and ${decodingMax} > (
          select count(*) from platform.move o where o.from_cell = ${fromCell} and o.state = any(${DECODING}))`
      return count === 1
    })
    await this.reload()
    return taken
  }

  /** From the state this move is in to the next one, or StateChanged. */
  async advance(to: MoveState, also: { failure?: string | null; direction?: 'forward' | 'back' } = {}): Promise<void> {
    this.assertHeld()
    const { id, state, direction } = this.move
    await this.#change(
      () => this.directory<MoverRow[]>`
        update platform.move
        set state = ${to}, state_since = clock_timestamp(), updated_at = clock_timestamp(), direction = ${also.direction ?? direction},
          failure = ${also.failure === undefined ? this.move.failure : also.failure}
        where id = ${id} and state = ${state} and direction = ${direction} and lease_owner = ${this.owner}
        returning ${this.directory.unsafe(MOVER_COLUMNS)}`,
    )
  }

  /** Enters `fencing` under a fence number of its own, which anybody may lift when its time is over. By that connection of the directory. */
  async beginFence(budgetMs: number, directory: postgres.Sql): Promise<bigint> {
    this.assertHeld()
    const { id, state } = this.move
    await this.#change(
      () => directory<MoverRow[]>`
        update platform.move
        set state = 'fencing', state_since = clock_timestamp(), updated_at = clock_timestamp(), fence = nextval('platform.move_fence'),
          fence_until = clock_timestamp() + ${budgetMs} * interval '1 millisecond', fence_attempts = fence_attempts + 1
        where id = ${id} and state = ${state} and lease_owner = ${this.owner}
        returning ${directory.unsafe(MOVER_COLUMNS)}`,
    )
    return this.move.fence!
  }

  /** A number above all that this move and earlier ones have had: what was begun under those is over where this one is shown. */
  async takeNumber(): Promise<void> {
    this.assertHeld()
    const { id, state } = this.move
    await this.#change(
      () => this.directory<MoverRow[]>`
        update platform.move set fence = nextval('platform.move_fence'), updated_at = clock_timestamp()
        where id = ${id} and state = ${state} and lease_owner = ${this.owner}
        returning ${this.directory.unsafe(MOVER_COLUMNS)}`,
    )
  }

  /** The move's number as a parameter. */
  get number(): string {
    return String(this.move.fence)
  }

  /** Says that the fence is to be lifted, unless the switch has happened. `last`: there is no further attempt. */
  async takeBackFence(failure: string, last: boolean): Promise<void> {
    const { id, fence } = this.move
    await this.#change(
      () => this.directory<MoverRow[]>`
        update platform.move
        set state = 'unfencing', state_since = clock_timestamp(), updated_at = clock_timestamp(), failure = ${failure},
          fence_attempts = case when ${last} then ${FENCE_ATTEMPTS_MAX}::int else fence_attempts end
        where id = ${id} and state = 'fencing' and fence = ${String(fence)} and lease_owner = ${this.owner}
        returning ${this.directory.unsafe(MOVER_COLUMNS)}`,
    )
  }

  /** Reads the row again; MoveLost if it is another's. */
  async reload(): Promise<void> {
    if (this.#interruption instanceof StateChanged) this.#interruption = undefined
    await this.#change(
      () => this.directory<MoverRow[]>`
        select ${this.directory.unsafe(MOVER_COLUMNS)} from platform.move where id = ${this.move.id} and lease_owner = ${this.owner}`,
    ).catch((error) => {
      throw error instanceof StateChanged ? new MoveLost('Another mover holds the lease.') : error
    })
  }

  async note(figures: MoveFigures, failure?: string | null): Promise<void> {
    const { id } = this.move
    await this.directory`
      update platform.move set figures = figures || ${JSON.stringify(figures)}::text::jsonb, updated_at = clock_timestamp(),
        failure = ${failure === undefined ? this.directory`failure` : failure}
      where id = ${id} and lease_owner = ${this.owner}`
    this.move = { ...this.move, figures: { ...this.move.figures, ...figures }, ...(failure !== undefined && { failure }) }
  }

  /** A number that no marker or fence has had. */
  async nextNumber(): Promise<bigint> {
    const [row] = await this.directory<{ number: string }[]>`select nextval('platform.move_fence')::text as number`
    return BigInt(row!.number)
  }

  /** Before the object is made: whatever happens then, it will be found. Nothing is noted any more once the move has gone on without this mover. */
  async noteObject({ cell, kind, name }: MoveObject): Promise<void> {
    this.assertHeld()
    const { id, state } = this.move
    const { count } = await this.directory`
      with held as (
        select id from platform.move where id = ${id} and state = ${state} and lease_owner = ${this.owner} for share
      ), noted as (
        insert into platform.move_object (move_id, cell, kind, name) select id, ${cell}, ${kind}, ${name} from held on conflict do nothing
      )
      select from held`
    if (count === 0) throw new StateChanged('The move is no longer as it was.')
    crashPoint('move.object_noted')
  }

  /** After it is gone. */
  async forgetObject({ cell, kind, name }: MoveObject): Promise<void> {
    await this.directory`
      delete from platform.move_object where move_id = ${this.move.id} and cell = ${cell} and kind = ${kind} and name = ${name}`
    crashPoint('move.forgotten')
  }

  /** What is in a cell that is gone for good stays noted: it is left behind. */
  async objects(): Promise<MoveObject[]> {
    const { id, lostCell } = this.move
    return this.directory<MoveObject[]>`
      select cell, kind, name from platform.move_object where move_id = ${id} and cell is distinct from ${lostCell}`
  }

  /** Gives the lease back; the move is due again after so long. */
  async release(pauseMs = 0): Promise<void> {
    this.stop()
    await this.directory`
      update platform.move set lease_owner = null,
        lease_until = case when ${pauseMs} = 0 then '-infinity' else clock_timestamp() + ${pauseMs} * interval '1 millisecond' end
      where id = ${this.move.id} and lease_owner = ${this.owner} and state = ${this.move.state}`
    // Somebody wished something meanwhile: no pause then.
    await this.directory`
      update platform.move set lease_owner = null, lease_until = '-infinity' where id = ${this.move.id} and lease_owner = ${this.owner}`
  }

  /** Ends the renewal. The lease runs out by itself. */
  stop(): void {
    clearInterval(this.#renewing)
  }

  async #change(query: () => PromiseLike<MoverRow[]>): Promise<void> {
    this.#changing += 1
    try {
      const [row] = await query()
      if (!row) throw new StateChanged('The move is no longer as it was.')
      this.move = toMoverMove(row)
    } finally {
      this.#changing += 1
    }
  }

  async #renew(): Promise<void> {
    const [sentAt, changes] = [performance.now(), this.#changing]
    try {
      const [row] = await this.directory<{ state: MoveState; direction: string }[]>`
        update platform.move set lease_until = clock_timestamp() + ${LEASE_MS} * interval '1 millisecond'
        where id = ${this.move.id} and lease_owner = ${this.owner} returning state, direction`
      if (!row) {
        this.#interruption = new MoveLost('Another mover holds the lease.')
        return
      }
      this.#validUntil = sentAt + LEASE_MS
      // Not while this process changes the state itself: the two answers may cross.
      const ours = changes === this.#changing && changes % 2 === 0
      if (ours && (row.state !== this.move.state || row.direction !== this.move.direction)) {
        this.#interruption ??= new StateChanged('The move is no longer as it was.')
      }
    } catch {
      // The directory may come back before the lease is over.
    }
  }
}

export function toMoverMove(row: MoverRow): MoverMove {
  return { ...row, epoch: BigInt(row.epoch), fence: row.fence === null ? null : BigInt(row.fence) }
}
