import { Refusal } from '@souk/core/refusal.ts'
import {
  cancelMove,
  finishMove,
  getMove,
  listMoves,
  type Move,
  type MoveSql,
  requestMove,
  rollBackMove,
} from '@souk/tenant-router/moves/move.ts'
import { MoveRefusal, type MoveRefusalCode } from '@souk/tenant-router/moves/move-refusal.ts'
import type { ByAdmin } from './domains.ts'
import type { PlatformSql } from './platform-sql.ts'
import { changeOrTry } from './taken-back.ts'

/** A move, and by what name people know the merchant. */
export interface ListedMove extends Move {
  slug: string
}

/** What came of asking for the move of one merchant of a cell that is to be emptied. */
export interface DrainedMerchant {
  merchantId: string
  slug: string
  toCell: string | null
  /** Null where the move was refused. */
  move: ListedMove | null
  refusal: string | null
}

/** How a step of a move is called, in the log as in the API. */
export type MoveStep = 'cancel' | 'roll_back' | 'finish'

const STEPS: Record<MoveStep, (sql: MoveSql, moveId: string) => Promise<Move>> = {
  cancel: cancelMove,
  roll_back: rollBackMove,
  finish: finishMove,
}
// One call asks for so many moves; movers take few at a time, and the rest can be asked for again.
const DRAINED_AT_ONCE_MAX = 100

/** Moves as admins ask for them. Every wish is written down together with what it changes. */
export class Moves {
  readonly #sql: PlatformSql

  constructor(sql: PlatformSql) {
    this.#sql = sql
  }

  /** Asks for a move. With `dryRun` it is found out whether that would be granted, and nothing is kept. */
  async request(wish: { merchantId: string; toCell: string }, by: ByAdmin, dryRun: boolean): Promise<ListedMove> {
    const move = await this.#audited('move.request', by, dryRun, (sql) => requestMove(sql, { ...wish, by: by.adminId, now: by.now }))
    return this.#named(move)
  }

  /** Ends a move before its switch, takes it back after it, or gives up the way back. */
  async step(moveId: string, step: MoveStep, by: ByAdmin, dryRun: boolean): Promise<ListedMove> {
    return this.#named(await this.#audited(`move.${step}`, by, dryRun, (sql) => STEPS[step](sql, moveId)))
  }

  /** Refuses `not_found`. */
  async find(moveId: string): Promise<ListedMove> {
    const move = await getMove(this.#sql, moveId)
    if (!move) throw toRefusal(new MoveRefusal('move_unknown'))
    return this.#named(move)
  }

  /** The newest first. */
  async list(filter: Parameters<typeof listMoves>[1]): Promise<ListedMove[]> {
    const moves = await listMoves(this.#sql, filter)
    const slugs = await this.#slugs(moves.map(({ merchantId }) => merchantId))
    return moves.map((move) => ({ ...move, slug: slugs.get(move.merchantId) ?? '' }))
  }

  /**
   * Asks for the moves that empty a cell: each of its merchants to `toCell`, or to the open shared cell with the fewest by
   * then. Merchants on their way already are left alone. Asked again, it goes on with those that are still there.
   */
  async drain(
    cell: string,
    wish: { toCell: string | undefined; targets: string[] },
    by: ByAdmin,
    dryRun: boolean,
  ): Promise<DrainedMerchant[]> {
    const living = await this.#sql<{ id: string; slug: string }[]>`
      select m.id, m.slug from platform.home h join platform.merchant m on m.id = h.merchant_id
      where h.cell = ${cell} and m.status <> 'provisioning' and not exists (
        select from platform.move o where o.merchant_id = m.id and o.state not in ('done', 'aborted', 'rolled_back'))
      order by m.id limit ${DRAINED_AT_ONCE_MAX}`
    const load = new Map(
      (await this.#load(cell)).filter(({ name }) => wish.targets.includes(name)).map(({ name, expected }) => [name, expected]),
    )
    const outcomes: DrainedMerchant[] = []
    for (const { id, slug } of living) {
      const toCell = wish.toCell ?? [...load].sort(([a, n], [b, m]) => n - m || (a < b ? -1 : 1))[0]?.[0] ?? null
      outcomes.push({ merchantId: id, slug, toCell, ...(await this.#tryRequest(id, toCell, by, dryRun)) })
      if (toCell !== null) load.set(toCell, (load.get(toCell) ?? 0) + 1)
    }
    return outcomes
  }

  async #tryRequest(
    merchantId: string,
    toCell: string | null,
    by: ByAdmin,
    dryRun: boolean,
  ): Promise<Pick<DrainedMerchant, 'move' | 'refusal'>> {
    if (toCell === null) return { move: null, refusal: 'There is no other open shared cell.' }
    try {
      return { move: await this.request({ merchantId, toCell }, by, dryRun), refusal: null }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return { move: null, refusal: error.message }
    }
  }

  /** The open shared cells beside one, and how many merchants each will have once all moves there have arrived. */
  async #load(beside: string): Promise<{ name: string; expected: number }[]> {
    return this.#sql<{ name: string; expected: number }[]>`
      select c.name, (
        (select count(*) from platform.home h where h.cell = c.name)
        + (select count(*) from platform.move m where m.to_cell = c.name and m.state not in ('done', 'aborted', 'rolled_back', 'switched', 'watching', 'retiring'))
      )::int as expected
      from platform.cell c where c.kind = 'shared' and c.status = 'open' and c.name <> ${beside}`
  }

  async #audited(action: string, by: ByAdmin, dryRun: boolean, change: (sql: MoveSql) => Promise<Move>): Promise<Move> {
    try {
      return await changeOrTry(this.#sql, dryRun, async (sql) => {
        const changed = await change(sql)
        const { id, merchantId, fromCell, toCell } = changed
        await sql`
          insert into platform.audit (admin_id, action, merchant_id, data, occurred_at)
          values (${by.adminId}, ${action}, ${merchantId}, jsonb_build_object('move', ${id}::text, 'from', ${fromCell}::text, 'to', ${toCell}::text), ${by.now})`
        return changed
      })
    } catch (error) {
      throw error instanceof MoveRefusal ? toRefusal(error) : error
    }
  }

  async #named(move: Move): Promise<ListedMove> {
    return { ...move, slug: (await this.#slugs([move.merchantId])).get(move.merchantId) ?? '' }
  }

  async #slugs(merchantIds: string[]): Promise<Map<string, string>> {
    const rows = await this.#sql<
      { id: string; slug: string }[]
    >`select id, slug from platform.merchant where id = any(${[...new Set(merchantIds)]}::uuid[])`
    return new Map(rows.map(({ id, slug }) => [id, slug]))
  }
}

const REASONS: Record<MoveRefusalCode, string> = {
  merchant_unknown: 'There is no such merchant, or it is still being set up.',
  cell_unknown: 'There is no such cell.',
  move_unknown: 'There is no such move.',
  already_there: 'The merchant lives in that cell.',
  already_moving: 'Another move of the merchant has not ended.',
  cell_closed: 'The cell is being drained, or is retired.',
  cell_taken: 'The cell is dedicated to another merchant.',
  too_late: 'The move is switching or has switched: it can only be rolled back.',
  not_watching: 'The move has not switched yet, or has ended.',
  no_way_back: 'The old home could not be kept up to date: a new move leads back.',
}

function toRefusal({ code }: MoveRefusal): Refusal {
  const detail = REASONS[code]
  switch (code) {
    case 'merchant_unknown':
      return new Refusal('not_found', { detail, errors: [{ pointer: '/merchant_id', code: 'not_found' }] })
    case 'cell_unknown':
      return new Refusal('not_found', { detail, errors: [{ pointer: '/to_cell', code: 'not_found' }] })
    case 'move_unknown':
      return new Refusal('not_found', { detail })
    case 'cell_closed':
      return new Refusal('cell_closed', { detail })
    case 'cell_taken':
      return new Refusal('cell_occupied', { detail })
    default:
      return new Refusal('move_refused', { detail, extra: { reason: code.replaceAll('_', '-') } })
  }
}
