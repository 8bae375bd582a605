import type { Side } from './cell-sides.ts'
import { type HeldMove, MoveFailed } from './held-move.ts'
import { streamName } from './streams.ts'
import { inSession, tablesWithRows, tenantTables } from './tenant-tables.ts'

/** It cannot begin now, but may later without anybody doing anything. */
export class NotYet extends Error {
  override readonly name = 'NotYet'
}

interface CellFacts {
  wal_level: string
  row_security_bypassed: boolean
  may_replicate: boolean
  may_subscribe: boolean
  may_skip_triggers: boolean
  collation: string
  extensions: string
  schema: string
  slots_free: boolean
  senders_free: boolean
  subscriptions_free: boolean
  oldest_writer_ms: number
}

/** Looks whether a move can work before anything is made for it. Throws MoveFailed, or NotYet, and says why. */
export async function preflight(held: HeldMove, from: Side, to: Side, writerAgeMaxMs: number): Promise<void> {
  const { merchantId } = held.move
  const [source, target] = [await held.piece(() => factsOf(from)), await held.piece(() => factsOf(to))]
  for (const [{ cell }, facts] of [
    [from, source],
    [to, target],
  ] as const) {
    if (facts.wal_level !== 'logical') throw new MoveFailed(`wal_level of ${cell} is ${facts.wal_level}; it must be logical.`)
    if (!facts.row_security_bypassed || !facts.may_replicate)
      throw new MoveFailed(`The mover's role in ${cell} lacks BYPASSRLS or REPLICATION.`)
    if (!facts.may_subscribe) throw new MoveFailed(`The mover's role in ${cell} is no member of pg_create_subscription.`)
    if (!facts.may_skip_triggers) throw new MoveFailed(`The mover's role in ${cell} may not set session_replication_role.`)
    if (!facts.slots_free || !facts.senders_free) throw new NotYet(`${cell} has no replication slot or sender to spare.`)
    if (!facts.subscriptions_free)
      throw new NotYet(`${cell} has as many subscriptions as max_active_replication_origins or max_logical_replication_workers allows.`)
    if (facts.oldest_writer_ms > writerAgeMaxMs)
      throw new NotYet(`${cell} has a transaction that has been writing for ${Math.round(facts.oldest_writer_ms / 1_000)} s.`)
  }
  for (const key of ['collation', 'extensions', 'schema'] as const) {
    if (source[key] !== target[key]) throw new MoveFailed(`${from.cell} and ${to.cell} differ in their ${key}.`)
  }
  await assertHome(from, merchantId, held.move.epoch)
  for (const side of [from, to]) await held.piece(() => assertIdentities(side))
  const left = await inSession(to, async (session) => tablesWithRows(held, session, await tenantTables(held, to)))
  if (left.length > 0) throw new MoveFailed(`${to.cell} has rows of the merchant already, in ${left.map(({ name }) => name).join(', ')}.`)
}

async function factsOf({ sql }: Side): Promise<CellFacts> {
  const [facts] = await sql<CellFacts[]>`
    select current_setting('wal_level') as wal_level, r.rolbypassrls as row_security_bypassed, r.rolreplication as may_replicate,
      r.rolsuper or pg_has_role(r.oid, 'pg_create_subscription', 'usage') as may_subscribe,
      has_parameter_privilege(r.oid, 'session_replication_role', 'set') as may_skip_triggers,
      (select concat_ws(' ', pg_encoding_to_char(d.encoding), d.datlocprovider, d.datcollate, d.datctype, d.datlocale)
        from pg_database d where d.datname = current_database()) as collation,
      (select string_agg(e.extname || ' ' || e.extversion, ', ' order by e.extname) from pg_extension e) as extensions,
      (select string_agg(h.name || ' ' || h.checksum, ', ' order by h.name) from migration.history h where h.set = 'cell') as schema,
      (select count(*) from pg_replication_slots) < current_setting('max_replication_slots')::int as slots_free,
      (select count(*) from pg_stat_replication) + 1 < current_setting('max_wal_senders')::int as senders_free,
      -- Without a worker of its own a stream stands still, and says nothing.
      (select count(oid) from pg_subscription) < least(
        current_setting('max_active_replication_origins')::int, current_setting('max_logical_replication_workers')::int) as subscriptions_free,
      coalesce((select max(extract(epoch from clock_timestamp() - a.xact_start) * 1000) from pg_stat_activity a where a.backend_xid is not null), 0)::int
        as oldest_writer_ms
    from pg_roles r where r.rolname = current_user`
  return facts!
}

async function assertHome({ cell, sql }: Side, merchantId: string, epoch: bigint): Promise<void> {
  const [home] = await sql<{ state: string; epoch: string }[]>`
    select state, epoch::text as epoch from tenancy.home where merchant_id = ${merchantId}`
  if (home?.state !== 'active' || BigInt(home.epoch) !== epoch) throw new MoveFailed(`The merchant is not at home in ${cell}.`)
}

/** A filter over a column that is not part of the replica identity would make every update of the table fail, for all merchants. */
async function assertIdentities({ cell, sql }: Side): Promise<void> {
  const wrong = await sql<{ name: string }[]>`
    select t.name from tenancy.tenant_table t join pg_class c on c.oid = t.oid
    where not (c.relreplident = 'f' or exists (
      select from pg_index i join pg_attribute a on a.attrelid = t.oid and a.attname = 'merchant_id'
      where i.indrelid = t.oid and (case c.relreplident when 'd' then i.indisprimary when 'i' then i.indisreplident else false end)
        and a.attnum = any(i.indkey::int2[])))`
  if (wrong.length > 0)
    throw new MoveFailed(`Tables of ${cell} whose replica identity lacks merchant_id: ${wrong.map(({ name }) => name).join(', ')}.`)
}

/** Whether a stream carries every table that is a merchant's: one that came with a migration meanwhile would stay behind. */
export async function assertEveryTablePublished(held: HeldMove, from: Side): Promise<void> {
  const missing = await from.sql<{ name: string }[]>`
    select t.name from tenancy.tenant_table t where not exists (
      select from pg_publication_rel r join pg_publication p on p.oid = r.prpubid
      where r.prrelid = t.oid and p.pubname = ${streamName(held.move, held.move.direction)})`
  if (missing.length > 0) throw new MoveFailed(`Tables that are not part of the move: ${missing.map(({ name }) => name).join(', ')}.`)
}
