import { Refusal } from '@souk/core/refusal.ts'
import { abandonCell, type LeftBehind, listLeftBehind } from '@souk/tenant-router/moves/lost-cell.ts'
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
import type { Cells } from './cells.ts'
import type { ByAdmin } from './domains.ts'
import type { PlatformSql } from './platform-sql.ts'
import { changeOrTry } from './taken-back.ts'

/** A move, and by what name people know the merchant. */
export interface ListedMove extends Move {
  slug: string
  /** What is still in a cell that was given up as lost, in the order in which it has to be removed. */
  leftBehind: LeftBehind[]
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
    return this.#audited('move.request', by, dryRun, (sql) => requestMove(sql, { ...wish, by: by.adminId, now: by.now }))
  }

  /** Ends a move before its switch, takes it back after it, or gives up the way back. */
  async step(moveId: string, step: MoveStep, by: ByAdmin, dryRun: boolean): Promise<ListedMove> {
    return this.#audited(`move.${step}`, by, dryRun, (sql) => STEPS[step](sql, moveId))
  }

  /**
   * Ends a move without a cell that is gone for good, whatever is left there. Not while that cell answers: nobody would remove
   * what is left, nor read a slot that keeps its log.
   */
  async abandon(moveId: string, cell: string, cells: Pick<Cells, 'answers'>, by: ByAdmin, dryRun: boolean): Promise<ListedMove> {
    const abandon = (tried: boolean) => this.#audited('move.abandon', by, tried, (sql) => abandonCell(sql, moveId, cell), { cell })
    const tried = await abandon(true)
    if (await cells.answers(cell)) throw toRefusal(new MoveRefusal('cell_answers'))
    return dryRun ? tried : abandon(false)
  }

  /** Refuses `not_found`. */
  async find(moveId: string): Promise<ListedMove> {
    const move = await getMove(this.#sql, moveId)
    if (!move) throw toRefusal(new MoveRefusal('move_unknown'))
    return (await listed(this.#sql, [move]))[0]!
  }

  /** The newest first. */
  async list(filter: Parameters<typeof listMoves>[1]): Promise<ListedMove[]> {
    return listed(this.#sql, await listMoves(this.#sql, filter))
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

  async #audited(
    action: string,
    by: ByAdmin,
    dryRun: boolean,
    change: (sql: MoveSql) => Promise<Move>,
    also: { cell?: string } = {},
  ): Promise<ListedMove> {
    try {
      return await changeOrTry(this.#sql, dryRun, async (sql) => {
        const changed = await change(sql)
        const { id, merchantId, fromCell, toCell } = changed
        await sql`
          insert into platform.audit (admin_id, action, merchant_id, data, occurred_at)
          values (${by.adminId}, ${action}, ${merchantId}, ${JSON.stringify({ move: id, from: fromCell, to: toCell, ...also })}::text::jsonb, ${by.now})`
        return (await listed(sql, [changed]))[0]!
      })
    } catch (error) {
      throw error instanceof MoveRefusal ? toRefusal(error) : error
    }
  }
}

async function listed(sql: MoveSql, moves: Move[]): Promise<ListedMove[]> {
  const ids = [...new Set(moves.map(({ merchantId }) => merchantId))]
  const merchants = await sql<{ id: string; slug: string }[]>`select id, slug from platform.merchant where id = any(${ids}::uuid[])`
  const slugs = new Map(merchants.map(({ id, slug }) => [id, slug]))
  const ofLost = moves.filter(({ lostCell }) => lostCell !== null).map(({ id }) => id)
  const left = ofLost.length === 0 ? [] : await listLeftBehind(sql, ofLost)
  return moves.map((move) => ({
    ...move,
    slug: slugs.get(move.merchantId) ?? '',
    leftBehind: left.filter(({ moveId }) => moveId === move.id),
  }))
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
  has_ended: 'The move has ended: it waits for no cell.',
  not_of_the_move: 'The move is between two other cells.',
  lives_there: 'The merchant lives in that cell, and nowhere else: restore it from its backup. The move goes on once it answers.',
  already_lost: 'A cell of this move was given up before: it ends without it.',
  cell_answers:
    'The cell answers, so it is not gone: the move will end with it, and leave nothing. To give it up all the same, take its address out of SOUK_CELLS_FILE first.',
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
