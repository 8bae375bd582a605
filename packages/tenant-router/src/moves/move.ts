import type postgres from 'postgres'
import { MoveRefusal, type MoveRefusalCode } from './move-refusal.ts'

/**
 * Where a move is.
 * - `requested` waits for its turn; `preflight` looks whether it can work; `seeding` copies; `catching_up` follows what is written
 *   meanwhile; `verifying` compares both sides.
 * - `fencing` is the only time in which the merchant's writers wait; `unfencing` takes that back. After `switched` the merchant
 *   lives in the other cell.
 * - `watching` keeps the old home up to date, so that the move can be taken back without copying; `rolling_back` does so, through
 *   `fencing` and `switched` in the other direction.
 * - `aborting` and `retiring` remove what is not needed any more; `aborted`, `rolled_back` and `done` are the ends.
 */
export type MoveState =
  | 'requested'
  | 'preflight'
  | 'seeding'
  | 'catching_up'
  | 'verifying'
  | 'fencing'
  | 'unfencing'
  | 'switched'
  | 'watching'
  | 'retiring'
  | 'done'
  | 'aborting'
  | 'aborted'
  | 'rolling_back'
  | 'rolled_back'

export const FINAL_STATES: readonly MoveState[] = ['done', 'aborted', 'rolled_back']

/** What was measured on the way. Times in milliseconds. */
export interface MoveFigures {
  seeded_rows?: number
  seed_ms?: number
  catch_up_ms?: number
  verified_rows?: number
  verify_ms?: number
  /** Rows that changed in every pass of the comparison and were compared under the fence. */
  compared_under_fence?: number
  /** From the first writer that had to wait to the opening of the new home. Of the last switch, in whichever direction. */
  write_pause_ms?: number
  /** Parts of the pause: until the last writer was out, until its last change had arrived, until the directory knew. */
  drain_ms?: number
  marker_ms?: number
  flip_ms?: number
  fence_attempts?: number
  /** Comparisons of both sides since the switch, and when the last one found no difference. */
  watched_passes?: number
  watched_at?: string
  /** False when the old home can no longer be kept up to date: there is no way back but a new move. */
  can_roll_back?: boolean
  removed_rows?: number
}

export interface Move {
  id: string
  merchantId: string
  fromCell: string
  toCell: string
  state: MoveState
  direction: 'forward' | 'back'
  epoch: bigint
  requestedBy: string | null
  requestedAt: Date
  stateSince: Date
  updatedAt: Date
  watchUntil: Date | null
  failure: string | null
  figures: MoveFigures
  /** One of the two that is gone for good: the move ends without it. */
  lostCell: string | null
}

/** A connection to the directory as souk_platform, souk_mover or above. Every function here is one statement. */
// biome-ignore lint/suspicious/noExplicitAny: whatever types the connection was opened with
export type MoveSql = postgres.Sql<any> | postgres.TransactionSql<any>

interface MoveRow extends Omit<Move, 'epoch'> {
  epoch: string
}

/** Asks for a move. It begins when a mover is free and the source does not feed two others already. */
export async function requestMove(
  sql: MoveSql,
  request: { merchantId: string; toCell: string; by: string | null; now: Date },
): Promise<Move> {
  const { merchantId, toCell, by, now } = request
  const [row] = await sql<MoveRow[]>`
    insert into platform.move (merchant_id, from_cell, to_cell, epoch, requested_by, requested_at)
    select h.merchant_id, h.cell, c.name, h.epoch, ${by}::uuid, ${now.toISOString()}::timestamptz
    from platform.home h join platform.merchant m on m.id = h.merchant_id, platform.cell c
    where h.merchant_id = ${merchantId}::uuid and m.status in ('active', 'suspended') and c.name = ${toCell}::text and c.name <> h.cell and c.status = 'open'
      and not (c.kind = 'dedicated' and (
        exists (select from platform.home o where o.cell = c.name)
        or exists (select from platform.move o where o.to_cell = c.name and o.state not in ('done', 'aborted', 'rolled_back'))))
    -- Whoever closes the merchant at this moment is waited for, or waits.
    for share of m
    on conflict (merchant_id) where state not in ('done', 'aborted', 'rolled_back') do nothing
    returning ${columns(sql)}`
  if (!row) throw new MoveRefusal(await whyNot(sql, merchantId, toCell))
  return toMove(row)
}

/** Ends a move that has not switched yet; the merchant stays where it is. What was made for the move is removed. */
export async function cancelMove(sql: MoveSql, moveId: string): Promise<Move> {
  const cancellable = ['requested', 'preflight', 'seeding', 'catching_up', 'verifying']
  return change(sql, moveId, cancellable, 'aborting', 'too_late', { failure: 'Cancelled.' })
}

/** Takes a move back that has switched and is still watched: the merchant returns to its old home without being copied. */
export async function rollBackMove(sql: MoveSql, moveId: string): Promise<Move> {
  const move = await getMove(sql, moveId)
  if (move?.state === 'watching' && move.figures.can_roll_back === false) throw new MoveRefusal('no_way_back')
  return change(sql, moveId, ['watching'], 'rolling_back', 'not_watching', { direction: 'back' })
}

/** Ends the time in which a move can be taken back: the old home's rows are removed now. */
export async function finishMove(sql: MoveSql, moveId: string): Promise<Move> {
  return change(sql, moveId, ['watching'], 'retiring', 'not_watching', {})
}

export async function getMove(sql: MoveSql, moveId: string): Promise<Move | undefined> {
  const [row] = await sql<MoveRow[]>`select ${columns(sql)} from platform.move where id = ${moveId}::uuid`
  return row && toMove(row)
}

/** The newest first. `after` is the id of the last move of the page before. */
export async function listMoves(
  sql: MoveSql,
  filter: { merchantId?: string; cell?: string; unfinished?: boolean; after?: string; limit?: number } = {},
): Promise<Move[]> {
  const { merchantId = null, cell = null, unfinished = false, after = null, limit = 50 } = filter
  const rows = await sql<MoveRow[]>`
    select ${columns(sql)} from platform.move
    where (${merchantId}::uuid is null or merchant_id = ${merchantId}::uuid)
      and (${cell}::text is null or ${cell}::text in (from_cell, to_cell))
      and (not ${unfinished}::boolean or state not in ('done', 'aborted', 'rolled_back'))
      and (${after}::uuid is null or id < ${after}::uuid)
    order by id desc limit ${limit}::int`
  return rows.map(toMove)
}

async function change(
  sql: MoveSql,
  moveId: string,
  from: string[],
  to: MoveState,
  refusal: MoveRefusalCode,
  also: { direction?: 'back'; failure?: string },
): Promise<Move> {
  const [row] = await sql<MoveRow[]>`
    update platform.move
    set state = ${to}, state_since = clock_timestamp(), updated_at = clock_timestamp(), fence_attempts = 0,
      lease_until = case when lease_owner is null then '-infinity' else lease_until end,
      direction = coalesce(${also.direction ?? null}::text, direction), failure = ${also.failure ?? null}::text
    where id = ${moveId}::uuid and state = any(${from}::text[])
    returning ${columns(sql)}`
  if (row) return toMove(row)
  throw new MoveRefusal((await getMove(sql, moveId)) ? refusal : 'move_unknown')
}

/** The columns of a Move, under its names. */
function columns(sql: MoveSql) {
  return sql.unsafe(`id, merchant_id as "merchantId", from_cell as "fromCell", to_cell as "toCell", state, direction, epoch::text as epoch,
    requested_by as "requestedBy", requested_at as "requestedAt", state_since as "stateSince", updated_at as "updatedAt",
    watch_until as "watchUntil", failure, figures, lost_cell as "lostCell"`)
}

function toMove(row: MoveRow): Move {
  return { ...row, epoch: BigInt(row.epoch) }
}

async function whyNot(sql: MoveSql, merchantId: string, toCell: string): Promise<MoveRefusalCode> {
  const [found] = await sql<{ code: MoveRefusalCode }[]>`
    select case
      when m.id is null or m.status not in ('active', 'suspended') or h.cell is null then 'merchant_unknown'
      when exists (select from platform.move o where o.merchant_id = m.id and o.state not in ('done', 'aborted', 'rolled_back')) then 'already_moving'
      when c.name is null then 'cell_unknown'
      when c.name = h.cell then 'already_there'
      when c.status <> 'open' then 'cell_closed'
      else 'cell_taken' end as code
    from (select ${merchantId}::uuid as id, ${toCell}::text as cell) wanted
      left join platform.merchant m on m.id = wanted.id left join platform.home h on h.merchant_id = m.id
      left join platform.cell c on c.name = wanted.cell`
  return found!.code
}
