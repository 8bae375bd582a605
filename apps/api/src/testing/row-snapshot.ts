import type postgres from 'postgres'

/** The merchants' tables, with the columns that can be written. */
const TABLES = `
  select c.oid::regclass as relation, c.relname as name, string_agg(quote_ident(a.attname), ', ' order by a.attnum) as columns
  from pg_class c join pg_attribute a on a.attrelid = c.oid
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    and exists (select from pg_attribute m where m.attrelid = c.oid and m.attname = 'merchant_id')
  group by c.oid, c.relname`

let made = 0

/** All rows of one merchant as they are now, to be put back as often as needed. A shop takes a second to fill and a moment to restore. */
export class RowSnapshot {
  readonly #admin: postgres.Sql
  readonly #merchantId: string
  readonly #schema: string

  private constructor(admin: postgres.Sql, merchantId: string, schema: string) {
    this.#admin = admin
    this.#merchantId = merchantId
    this.#schema = schema
  }

  static async take(admin: postgres.Sql, merchantId: string): Promise<RowSnapshot> {
    made += 1
    const schema = `snapshot_${made}`
    await admin.unsafe(`
      create schema ${schema};
      do $$
      declare
        kept record;
      begin
        for kept in ${TABLES} loop
          execute format('create table ${schema}.%I as select * from %s where merchant_id = %L', kept.name, kept.relation, '${merchantId}');
        end loop;
      end $$`)
    return new RowSnapshot(admin, merchantId, schema)
  }

  /** In one transaction, past triggers and foreign keys: the rows were consistent when they were taken. */
  async restore(): Promise<void> {
    await this.#admin.begin((sql) =>
      sql.unsafe(`
        set local session_replication_role = replica;
        do $$
        declare
          kept record;
        begin
          for kept in ${TABLES} loop
            execute format('delete from %s where merchant_id = %L', kept.relation, '${this.#merchantId}');
            execute format('insert into %s (%s) select %2$s from ${this.#schema}.%3$I', kept.relation, kept.columns, kept.name);
          end loop;
        end $$`),
    )
  }
}
