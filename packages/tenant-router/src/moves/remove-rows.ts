import type postgres from 'postgres'
import { crashPoint } from '../crash-point.ts'
import type { Side } from './cell-sides.ts'
import { type HeldMove, MoveFailed } from './held-move.ts'
import { RowsAtOnce } from './rows-at-once.ts'
import { aboveKey, inKeyOrder, inSession, keyText, type TenantTable, tablesWithRows, tenantTables } from './tenant-tables.ts'

/**
 * Deletes all rows of a merchant from a database that is not its home. In batches, so that no transaction is long. Answers how
 * many rows are gone. The database itself refuses while the merchant is served there or its changes are sent elsewhere.
 */
export async function removeRows(held: HeldMove, side: Side): Promise<number> {
  const { merchantId } = held.move
  const tables = await tenantTables(held, side)
  const removed = await inSession(side, async (session) => {
    const batches = new RowsAtOnce(held)
    let count = 0
    for (const table of await tablesWithRows(held, session, tables)) count += await removeAll(held, session, batches, table)
    const left = await tablesWithRows(held, session, tables)
    if (left.length > 0) throw new MoveFailed(`Rows were written to ${side.cell} while they were being removed, in ${left[0]!.name}.`)
    return count
  })
  await side.sql`select queue.forget_merchant(${merchantId})`
  await side.sql`select tenancy.forget(${merchantId}, ${held.number})`
  crashPoint('move.removed')
  return removed
}

/** Each batch from where the last one ended: who looked for rows from the start would pass all that are gone by. */
async function removeAll(held: HeldMove, session: postgres.ReservedSql, batches: RowsAtOnce, table: TenantTable): Promise<number> {
  let removed = 0
  for (let after: string[] | undefined, isLast = false; !isLast; ) {
    held.assertHeld()
    const batch = await batches.piece((atMost) => removeBatch(held, session, table, { after, atMost }))
    removed += batch.count
    ;({ last: after, isLast } = batch)
    crashPoint('move.batch_removed')
  }
  return removed
}

/** The next rows of a table, in the order of its key. Answers how many there were, and the last one's key. */
function removeBatch(
  held: HeldMove,
  session: postgres.ReservedSql,
  { name, key, ownKey }: TenantTable,
  { after, atMost }: { after: string[] | undefined; atMost: number },
): Promise<{ count: number; last?: string[] }> {
  const { merchantId } = held.move
  const remove = async () => {
    await session`select tenancy.assert_removable(${merchantId}, ${held.number})`
    const [found] = await session.unsafe<{ count: number; last: string[] }[]>(
      `with gone as (
         delete from public.${name} where merchant_id = $1 and ctid = any(array(
           select ctid from public.${name} where merchant_id = $1 ${aboveKey(ownKey, after)} order by ${key.join(', ')} limit ${atMost}))
         returning ${key.join(', ')})
       select count(*) over ()::int as count, ${keyText(ownKey)} as last
       from gone order by ${key.map((column) => `${column} desc`).join(', ')} limit 1`,
      [merchantId, ...(after ? [after] : [])],
    )
    return found ?? { count: 0 }
  }
  // Who has gone down before this is on disk looks for them again.
  return inKeyOrder(session, remove, 'set local session_replication_role = replica; set local synchronous_commit = off')
}
