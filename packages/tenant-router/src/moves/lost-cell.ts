import type { ObjectKind } from './held-move.ts'
import { getMove, type Move, type MoveSql, type MoveState } from './move.ts'
import { MoveRefusal, type MoveRefusalCode } from './move-refusal.ts'

/** What a move has left in a cell that was given up as lost, and the statement that removes it there, as souk_mover. */
export interface LeftBehind {
  moveId: string
  kind: ObjectKind
  name: string
  removal: string
}

/** Where a move goes on that has lost one of its cells. In a state that is not here it does what it always does, without that cell. */
export const WITHOUT_LOST_CELL: Partial<Record<MoveState, 'aborting' | 'unfencing' | 'retiring'>> = {
  requested: 'aborting',
  preflight: 'aborting',
  seeding: 'aborting',
  catching_up: 'aborting',
  verifying: 'aborting',
  fencing: 'unfencing',
  watching: 'retiring',
  rolling_back: 'retiring',
}

// Of the row itself: while another statement waits for its lock, the row alone is read again.
const HOME = `case when direction = 'forward' and state in ('switched', 'watching', 'retiring')
  or direction = 'back' and state in ('rolling_back', 'fencing', 'unfencing') then to_cell else from_cell end`

/**
 * Says that a cell is gone for good: the move ends without it, and whoever works on it now no longer may. Refuses the cell that is the
 * merchant's home. In one transaction, for what is noted there is completed: the rows of a merchant who lived there.
 */
export async function abandonCell(sql: MoveSql, moveId: string, cell: string): Promise<Move> {
  const { count } = await sql`
    update platform.move
    set lost_cell = ${cell}, failure = ${givenUp(cell)}, updated_at = clock_timestamp(), lease_owner = null, lease_until = '-infinity',
      state = coalesce(${JSON.stringify(WITHOUT_LOST_CELL)}::text::jsonb ->> state, state),
      state_since = case when ${JSON.stringify(WITHOUT_LOST_CELL)}::text::jsonb ? state then clock_timestamp() else state_since end,
      direction = case when state = 'rolling_back' then 'forward' else direction end
    where id = ${moveId}::uuid and state not in ('done', 'aborted', 'rolled_back') and lost_cell is null
      and ${cell}::text in (from_cell, to_cell) and ${cell}::text <> ${sql.unsafe(HOME)}`
  if (count === 0) throw new MoveRefusal(await whyNot(sql, moveId, cell))
  await sql`
    insert into platform.move_object (move_id, cell, kind, name)
    select id, lost_cell, 'rows', merchant_id::text from platform.move
    where id = ${moveId}::uuid and (state in ('switched', 'retiring') or state = 'unfencing' and direction = 'back')
    on conflict do nothing`
  return (await getMove(sql, moveId))!
}

/** In the order in which it has to be removed. */
export async function listLeftBehind(sql: MoveSql, moveIds: readonly string[]): Promise<LeftBehind[]> {
  const rows = await sql<(Omit<LeftBehind, 'removal'> & Known)[]>`
    select o.move_id as "moveId", o.kind, o.name, coalesce(m.fence, 0)::text as number,
      (m.epoch + case m.direction when 'forward' then 1 else 2 end)::text as epoch
    from platform.move_object o join platform.move m on m.id = o.move_id and m.lost_cell = o.cell
    where m.id = any(${[...moveIds]}::uuid[])
    order by o.move_id, array_position(array['subscription', 'slot', 'publication', 'rows'], o.kind), o.name`
  return rows.map(({ moveId, kind, name, ...known }) => ({ moveId, kind, name, removal: REMOVALS[kind](name, known) }))
}

/** What an admin reads of a move that lost a cell. */
export function givenUp(cell: string): string {
  return `The cell ${cell} was given up as lost.`
}

interface Known {
  /** The last number of the move: whatever has begun there later is left alone. */
  number: string
  /** The merchant's epoch after the last switch. */
  epoch: string
}

const REMOVALS: Record<ObjectKind, (name: string, known: Known) => string> = {
  subscription: (name) =>
    `do $$ begin if exists (select from pg_subscription where subname = '${name}' and subdbid = (select oid from pg_database where datname = current_database())) then
alter subscription ${name} disable; alter subscription ${name} set (slot_name = none); drop subscription ${name}; end if; end $$;`,
  slot: (name) => `select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '${name}';`,
  publication: (name) => `select tenancy.unpublish('${name}');`,
  // A home that was lost between the fence and the switch's end is closed first.
  rows: (merchant, { number, epoch }) =>
    `do $$ declare t regclass; begin perform tenancy.depart('${merchant}', ${epoch}); perform tenancy.assert_removable('${merchant}', ${number});
perform set_config('session_replication_role', 'replica', true);
for t in select oid from tenancy.tenant_table loop execute format('delete from %s where merchant_id = %L', t, '${merchant}'); end loop;
perform queue.forget_merchant('${merchant}'); perform tenancy.forget('${merchant}', ${number}); end $$;`,
}

async function whyNot(sql: MoveSql, moveId: string, cell: string): Promise<MoveRefusalCode> {
  const [found] = await sql<{ code: MoveRefusalCode }[]>`
    select case
      when state in ('done', 'aborted', 'rolled_back') then 'has_ended'
      when ${cell}::text not in (from_cell, to_cell) then 'not_of_the_move'
      when ${cell}::text = ${sql.unsafe(HOME)} then 'lives_there'
      else 'already_lost' end as code
    from platform.move where id = ${moveId}::uuid`
  return found?.code ?? 'move_unknown'
}
