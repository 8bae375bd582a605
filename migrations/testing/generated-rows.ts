import { createHash } from 'node:crypto'
import postgres from 'postgres'
import type { Column, Relation } from './catalogue.ts'

export type Row = Record<string, unknown>

/**
 * What a merchant has in each table: a row that the other merchant has too, equal in everything but the merchant, its id
 * included, and a row of which nothing is anywhere else. Where there can be one row only, that is the latter.
 */
export interface Belongings {
  merchantId: string
  /** In all texts of the rows that are this merchant's alone. */
  canary: string
  twins: Map<string, Row>
  own: Map<string, Row>
}

/** Values of the types that tenant tables have: equal labels, equal values. The later ones are for checks that refuse the first. */
const VALUES: Record<string, (label: string, number: number) => unknown[]> = {
  uuid: (label) => [uuidOf(label)],
  text: (label) => [label, 'EUR', 'DE', `${label}@shop.example`, nameOf(label), nameOf(label).slice(0, 30), digestOf(label)],
  'text[]': (label) => [[label]],
  bigint: (_label, number) => [number, 0, 1],
  integer: (_label, number) => [number, 0, 1],
  boolean: () => [true, false],
  'timestamp with time zone': (_label, number) => [`2026-01-0${number}T00:00:00Z`],
  date: (_label, number) => [`2026-01-0${number}`],
  jsonb: (label) => [{ label }],
  bytea: (label) => [`\\x${Buffer.from(label).toString('hex')}`],
}

/** Fills every table for two merchants, past row security. `collided` says where the second could not have what the first has. */
export async function fillMerchants(admin: postgres.Sql, relations: readonly Relation[], ids: readonly [string, string]) {
  const collided: string[] = []
  await switchDeferred(admin, relations, 'disable')
  const fill = async (merchantId: string, index: number): Promise<Belongings> => {
    const belongings: Belongings = { merchantId, canary: `only-${index}-canary`, twins: new Map(), own: new Map() }
    for (const relation of tenantTables(relations)) {
      const insert = (label: string, number: number, parents: ReadonlyMap<string, Row>) =>
        insertGenerated(admin, relation, merchantId, { label, number }, parents, relations)
      if (!hasOneRowOnly(relation)) {
        const twin = await insert('twin', 1, belongings.twins).catch((error: unknown) => {
          if (!(error instanceof postgres.PostgresError && error.code === '23505')) throw error
          collided.push(`${relation.name}: two merchants cannot have equal rows, by ${error.constraint_name}`)
          return insert(`twin ${index}`, 8 + index, belongings.twins)
        })
        belongings.twins.set(relation.name, twin)
      }
      belongings.own.set(relation.name, await insert(belongings.canary, 2 + index, belongings.own))
    }
    return belongings
  }
  const filled = { self: await fill(ids[0], 0), other: await fill(ids[1], 1), collided }
  await switchDeferred(admin, relations, 'enable')
  return filled
}

/** What is checked at a commit is about several rows together (a journal balances); these are made one at a time. */
async function switchDeferred(admin: postgres.Sql, relations: readonly Relation[], how: 'enable' | 'disable'): Promise<void> {
  const triggers = await admin<{ table: string; name: string }[]>`
    select tgrelid::regclass::text as table, tgname as name from pg_trigger where tgdeferrable and not tgisinternal`
  for (const { table, name } of triggers) {
    if (relations.some((relation) => relation.name === table)) await admin.unsafe(`alter table ${table} ${how} trigger ${name}`)
  }
}

export function tenantTables(relations: readonly Relation[]): Relation[] {
  return relations.filter(({ isTable, hasMerchant }) => isTable && hasMerchant)
}

/** The row of the label that both merchants have, or the only one. */
export function twinOf(belongings: Belongings, relation: string): Row {
  return belongings.twins.get(relation) ?? belongings.own.get(relation)!
}

export function writableColumns(relation: Relation): string[] {
  return relation.columns.filter(({ generated }) => !generated).map(({ name }) => name)
}

function nameOf(label: string): string {
  return label.replaceAll(/[^a-z]/g, '')
}

function digestOf(label: string): string {
  return createHash('sha256').update(label).digest('hex')
}

export function uuidOf(label: string): string {
  const hex = digestOf(label)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

function hasOneRowOnly(relation: Relation): boolean {
  return relation.uniqueKeys.some((key) => key.every((column) => column === 'merchant_id'))
}

/** Inserts a row, and where a check refuses it tries the other values of the columns that the check is about. */
async function insertGenerated(
  admin: postgres.Sql,
  relation: Relation,
  merchantId: string,
  made: { label: string; number: number },
  parents: ReadonlyMap<string, Row>,
  relations: readonly Relation[],
): Promise<Row> {
  const choices = new Map(
    relation.columns.filter(({ generated }) => !generated).map((column) => [column.name, valuesOf(relation, column, made)]),
  )
  for (const key of relation.foreignKeys) {
    const { columns, target, targetColumns } = key
    const another = needsAnother(relation, key) ? relations.find(({ name }) => name === target) : undefined
    const parent = another
      ? await insertGenerated(admin, another, merchantId, { ...made, label: `${made.label} another` }, parents, relations)
      : parents.get(target)
    for (const [index, column] of columns.entries()) if (parent) choices.set(column, [parent[targetColumns[index]!]])
  }
  choices.set('merchant_id', [merchantId])
  const chosen = new Map([...choices.keys()].map((name) => [name, 0]))
  for (;;) {
    const row = Object.fromEntries([...choices].map(([name, values]) => [name, values[chosen.get(name)!]]))
    try {
      await admin.unsafe(insertStatement(relation), [JSON.stringify(row)])
      return row
    } catch (error) {
      const check = relation.checks.find(
        ({ name }) => error instanceof postgres.PostgresError && error.code === '23514' && error.constraint_name === name,
      )
      if (check && tryNext(check.columns, choices, chosen)) continue
      if (error instanceof postgres.PostgresError && error.code === '23505') throw error
      throw new Error(`No row of ${relation.name} can be made: teach VALUES in generated-rows.ts one that it takes.`, { cause: error })
    }
  }
}

/** Whether a check holds this key's column against that of an earlier key to the same table: from one place to another. */
export function needsAnother(relation: Relation, { columns, target }: Relation['foreignKeys'][number]): boolean {
  const own = columns.filter((column) => column !== 'merchant_id')
  const earlier = relation.foreignKeys.slice(
    0,
    relation.foreignKeys.findIndex((key) => key.columns === columns),
  )
  const others = earlier.filter((key) => key.target === target).flatMap((key) => key.columns.filter((column) => column !== 'merchant_id'))
  return relation.checks.some(
    (check) =>
      check.definition.includes('<>') &&
      own.some((column) => check.columns.includes(column)) &&
      others.some((column) => check.columns.includes(column)),
  )
}

/** Inserts a row given as JSON text. */
export function insertStatement(relation: Relation, more = ''): string {
  const columns = writableColumns(relation)
    .map((name) => `"${name}"`)
    .join(', ')
  const row = `jsonb_populate_record(null::${relation.name}, $1::text::jsonb)`
  return `insert into ${relation.name} (${columns}) select ${columns} from ${row} ${more}`
}

function valuesOf(relation: Relation, column: Column, { label, number }: { label: string; number: number }): unknown[] {
  const make = VALUES[column.type]
  if (!make) throw new Error(`${relation.name}.${column.name}: teach VALUES in generated-rows.ts to make a ${column.type}.`)
  const checks = relation.checks.filter(({ columns }) => columns.includes(column.name))
  const literals = checks.flatMap(({ definition }) => [...definition.matchAll(/'([^']*)'::text/g)].map(([, literal]) => literal))
  const made = make(`${label} ${relation.name} ${column.name}`, number)
  // Nothing at all comes last: what is not there cannot leak.
  const absent = column.nullable && checks.length > 0 ? [null] : []
  if (column.type !== 'text') return [...made, ...absent]
  // A column that has a list of its own takes nothing else.
  const isListed = checks.some(({ columns, definition }) => columns.length === 1 && definition.includes('= ANY (ARRAY['))
  return [...literals, ...(isListed ? [] : made), ...absent]
}

/** Counts on by one, as an odometer does; false after the last combination. */
function tryNext(columns: readonly string[], choices: ReadonlyMap<string, unknown[]>, chosen: Map<string, number>): boolean {
  for (const column of columns) {
    const next = chosen.get(column)! + 1
    chosen.set(column, next < choices.get(column)!.length ? next : 0)
    if (next < choices.get(column)!.length) return true
  }
  return false
}
