import type postgres from 'postgres'

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g

/** How much was asked of a merchant: processes count it for themselves, and write it down when they come to it. */
const COUNTERS = ['platform.usage', 'platform.request_bucket']

/** Every row of a merchant, in whatever table of whatever schema, and its jobs, as one text. The tables are those of the catalogue. */
export async function allRows(admin: postgres.Sql, merchantId: string): Promise<string> {
  const rows = await admin<{ relation: string; content: string | null }[]>`
    select c.oid::regclass::text as relation, query_to_xml(format(
      'select string_agg(t::text, chr(10) order by t::text) as rows from %s t where merchant_id = %L',
      c.oid::regclass, ${merchantId}::text), true, false, '')::text as content
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and n.nspname not like 'pg\\_%' and c.oid::regclass::text <> all(${COUNTERS}) and exists (
      select from pg_attribute a where a.attrelid = c.oid and a.attname = 'merchant_id' and not a.attisdropped)
    union all
    select 'jobs', string_agg(j::text, chr(10) order by j.id) from graphile_worker._private_jobs j
    where j.payload ->> 'merchantId' = ${merchantId}
    order by 1`
  return rows.map(({ relation, content }) => `${relation}\n${content}`).join('\n')
}

/** All ids in a text. */
export function idsIn(text: string): Set<string> {
  return new Set(text.match(UUID))
}

/** The columns that hold words of a merchant's, and in none of whose rows these words are found. */
export async function columnsWithout(admin: postgres.Sql, merchantId: string, words: string): Promise<string[]> {
  const rows = await admin<{ column: string }[]>`
    with word_column as (
      select c.oid::regclass as relation, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
      where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and a.attnum > 0 and not a.attisdropped
        and a.atttypid in ('text'::regtype, 'text[]'::regtype, 'jsonb'::regtype, 'bytea'::regtype)
        -- What may only be one of a few words is none of a merchant's.
        and not exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'c' and a.attnum = any(k.conkey)))
    select relation || '.' || attname as column from word_column
    where (xpath('//found/text()', query_to_xml(format(
      'select count(*) as found from %s where merchant_id = %L and %I::text ~ any (array[%L, encode(%L::bytea, ''hex'')])',
      relation, ${merchantId}::text, attname, ${words}::text, ${words}::text), true, false, '')))[1]::text = '0'
    order by 1`
  return rows.map(({ column }) => column)
}

/** Hashes of passwords and secrets, found by the names of their columns. */
export async function hashesOf(admin: postgres.Sql, merchantId: string): Promise<string[]> {
  const columns = await admin<{ relation: string; column: string }[]>`
    select c.oid::regclass::text as relation, a.attname as column from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and not a.attisdropped and a.attname ~ '(hash|fingerprint|secret)'`
  const found: string[] = []
  for (const { relation, column } of columns) {
    const rows =
      await admin`select ${admin(column)}::text as value from ${admin(relation)} where merchant_id = ${merchantId} and ${admin(column)}::text <> ''`
    found.push(...rows.map(({ value }) => value as string))
  }
  return found
}
