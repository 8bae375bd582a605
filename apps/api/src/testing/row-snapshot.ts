import type postgres from 'postgres'

/** The merchants' tables, with the columns that can be written. */
const TABLES = `
  select c.oid::regclass::text as relation, quote_ident(c.relname) as name, string_agg(quote_ident(a.attname), ', ' order by a.attnum) as columns
  from pg_class c join pg_attribute a on a.attrelid = c.oid
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    and exists (select from pg_attribute m where m.attrelid = c.oid and m.attname = 'merchant_id')
  group by c.oid, c.relname`

interface Table {
  relation: string
  name: string
  columns: string
}

let made = 0

/** All rows of one merchant as they are now, to be put back as often as needed. A shop takes a second to fill and a moment to restore. */
export class RowSnapshot {
  readonly #admin: postgres.Sql
  readonly #merchantId: string
  readonly #schema: string
  readonly #tables: readonly Table[]
  #digests: ReadonlyMap<string, string | null> = new Map()

  private constructor(admin: postgres.Sql, merchantId: string, schema: string, tables: readonly Table[]) {
    this.#admin = admin
    this.#merchantId = merchantId
    this.#schema = schema
    this.#tables = tables
  }

  static async take(admin: postgres.Sql, merchantId: string): Promise<RowSnapshot> {
    made += 1
    const snapshot = new RowSnapshot(admin, merchantId, `snapshot_${made}`, await admin.unsafe<Table[]>(TABLES))
    await snapshot.#keep()
    return snapshot
  }

  async #keep(): Promise<void> {
    const copies = this.#tables.map(
      ({ relation, name }) => `create table ${this.#schema}.${name} as select * from ${relation} where merchant_id = '${this.#merchantId}'`,
    )
    await this.#admin.unsafe([`create schema ${this.#schema}`, ...copies].join(';\n'))
    this.#digests = await this.#digest()
  }

  /**
   * Puts back the tables whose rows are others by now; most are untouched. In one transaction, past triggers and foreign keys: the rows
   * were consistent when they were taken.
   */
  async restore(): Promise<void> {
    const now = await this.#digest()
    const changed = this.#tables.filter(({ name }) => now.get(name) !== this.#digests.get(name))
    const statements = changed.flatMap(({ relation, name, columns }) => [
      `delete from ${relation} where merchant_id = '${this.#merchantId}'`,
      `insert into ${relation} (${columns}) select ${columns} from ${this.#schema}.${name}`,
    ])
    if (statements.length === 0) return
    await this.#admin.begin((sql) => sql.unsafe(['set local session_replication_role = replica', ...statements].join(';\n')))
  }

  /** One statement for all tables, whose plan is kept. */
  async #digest(): Promise<Map<string, string | null>> {
    const each = this.#tables.map(
      ({ relation, name }) => `select '${name}' as name, md5(string_agg(t::text, chr(10) order by t::text collate "C")) as digest
        from ${relation} t where merchant_id = $1`,
    )
    const rows = await this.#admin.unsafe<{ name: string; digest: string | null }[]>(each.join('\nunion all\n'), [this.#merchantId], {
      prepare: true,
    })
    return new Map(rows.map(({ name, digest }) => [name, digest]))
  }
}
