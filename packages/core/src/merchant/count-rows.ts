import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import { sql } from 'drizzle-orm'

/**
 * How many rows a merchant has, in all tables together. Table by table, each in a transaction of its own, and at a replica where there is
 * one: nobody waits for it, and what is added meanwhile may be counted or not.
 */
export async function countRows(inMerchant: InMerchant): Promise<number> {
  let total = 0
  for (const table of await inMerchant.readStale(tenantTables)) {
    const [row] = await inMerchant.readStale((tx) =>
      tx.execute<{ count: string }>(sql`select count(*)::text as count from ${sql.identifier(table)} where merchant_id = ${tx.merchantId}`),
    )
    total += Number(row!.count)
  }
  return total
}

/** From the catalogue, so that a new table counts by being there. */
async function tenantTables(tx: Tx): Promise<string[]> {
  const rows = await tx.sql<{ name: string }[]>`
    select c.relname::text as name
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and has_table_privilege(c.oid, 'select')
      and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'merchant_id' and not a.attisdropped)
    order by c.relname`
  return rows.map(({ name }) => name)
}
