import { newId } from '@souk/core/ids.ts'
import { createTestDatabase } from '@souk/local-postgres/test-database.ts'
import { requestMove } from '@souk/tenant-router/moves/move.ts'
import type { TestApi } from './api.ts'
import type { Values } from './valid-requests.ts'

/** The cell that everybody lives in, another one that nobody reaches, and one that could be registered. */
export const CELLS = { home: 'shared-1', other: 'shared-2', spare: 'spare-1' }

export const CELL_BODIES: Record<string, (values: Values) => object | undefined> = {
  'POST /v1/cells': () => ({ name: CELLS.spare, kind: 'dedicated', dry_run: true }),
  'POST /v1/cells/{cell}/checks': () => undefined,
  'PATCH /v1/cells/{cell}': () => ({ status: 'open' }),
  'POST /v1/cells/{cell}/drain': () => ({ dry_run: true }),
  'POST /v1/moves': ({ merchant_id }) => ({ merchant_id, to_cell: CELLS.other }),
  'POST /v1/moves/{move_id}/cancel': () => ({}),
  'POST /v1/moves/{move_id}/rollback': () => ({}),
  'POST /v1/moves/{move_id}/finish': () => ({}),
  'POST /v1/moves/{move_id}/abandon': () => ({ cell: CELLS.other }),
}

export const CELL_STATES: Record<string, Values> = {
  'POST /v1/cells/{cell}/checks': { cell: 'home_cell' },
  'POST /v1/moves/{move_id}/rollback': { move_id: 'watched_move_id' },
  'POST /v1/moves/{move_id}/finish': { move_id: 'watched_move_id' },
  'POST /v1/moves/{move_id}/abandon': { move_id: 'stranded_move_id' },
}

/** Gives the platform those cells. The spare one has a database of its own, which goes with the others of the run. */
export async function addCells({ options: { cells }, platformSql, shop: { database } }: TestApi): Promise<void> {
  const spare = await createTestDatabase()
  const addressOf = (of: typeof spare) => ({ app: of.url('souk_app'), platform: of.url('souk_platform') })
  cells.readdress({ [CELLS.home]: addressOf(database), [CELLS.spare]: addressOf(spare) })
  await platformSql`insert into platform.cell (name, kind) values (${CELLS.other}, 'shared')`
}

/** Moves of merchants that the directory alone knows: one that waits for its turn, one for its target, one that can be taken back. */
export async function addMoves({ platformSql: sql, clock }: TestApi, canary: string): Promise<Values> {
  const [waiting, stranded, watched] = [newId(clock.now), newId(clock.now), newId(clock.now)]
  for (const [id, name] of [
    [waiting, 'waiting'],
    [stranded, 'stranded'],
    [watched, 'watched'],
  ] as const) {
    await sql`insert into platform.merchant (id, slug, name, status) values (${id}, ${`${canary}-${name}`}, ${canary}, 'active')`
    await sql`insert into platform.home (merchant_id, cell, epoch) values (${id}, ${CELLS.home}, 1)`
  }
  const ask = (merchantId: string) => requestMove(sql, { merchantId, toCell: CELLS.other, by: null, now: clock.now })
  const [move, aborting, done] = [await ask(waiting), await ask(stranded), await ask(watched)]
  await sql`update platform.move set state = 'aborting' where id = ${aborting.id}`
  await sql`update platform.move set state = 'watching' where id = ${done.id}`
  return { move_id: move.id, stranded_move_id: aborting.id, watched_move_id: done.id }
}
