import { parentsOf, type Relation } from './catalogue.ts'
import { type Belongings, insertStatement, needsAnother, type Row, twinOf, uuidOf, writableColumns } from './generated-rows.ts'

export interface Statement {
  text: string
  parameters: unknown[]
}

/**
 * What must come of a statement: `own`: rows, or changes, of whoever is in scope and of nobody else; `all`: the same, and there are some;
 * `all or kept`: the same, or a foreign key keeps them; `nothing`: none; `made`: one row is written; `refused`: an error with one of
 * these SQLSTATEs. Whatever is answered must not betray the other merchant.
 */
export type Expectation = 'own' | 'all' | 'all or kept' | 'nothing' | 'made' | { refused: string[] }

/** One thing that a merchant tries with what is another's, or with the other's names. */
export interface Case extends Statement {
  verb: 'select' | 'insert' | 'update' | 'delete' | 'upsert' | 'move' | 'refer'
  name: string
  /** As whom: `self`, who has rows of its own; `newcomer`, who has only what `before` gives it. */
  as: 'self' | 'newcomer'
  before: Statement[]
  expected: Expectation
  /** The same with values that are nobody's. Where it is given, both must come to the same. */
  unknown?: unknown[]
}

const NO_PRIVILEGE_OR_POLICY = '42501'
export const FOREIGN_KEY = '23503'
const UNKNOWN = 'nobody-has-this'

export interface Sides {
  relations: readonly Relation[]
  self: Belongings
  other: Belongings
  newcomerId: string
}

/** All cases for one relation. */
export function casesOf(relation: Relation, sides: Sides): Case[] {
  if (!relation.hasMerchant) return readable(relation, [{ ...selecting('everything', `select * from ${relation.name}`), expected: 'own' }])
  const cases = readable(relation, selectCases(relation, sides))
  if (!relation.isTable) return cases
  return [
    ...cases,
    ...allowed(relation, 'insert', insertCases(relation, sides)),
    ...allowed(relation, 'update', updateCases(relation, sides)),
    ...allowed(relation, 'delete', deleteCases(relation, sides)),
    {
      ...writing('delete', 'everything of everybody, by truncating', `truncate ${relation.name} cascade`),
      expected: { refused: [NO_PRIVILEGE_OR_POLICY] },
    },
    ...relation.uniqueKeys.flatMap((key) => upsertCases(relation, key, sides)),
    ...relation.foreignKeys.flatMap((key) => referenceCases(relation, key.name, sides)),
  ]
}

function selectCases(relation: Relation, { self, other }: Sides): Case[] {
  const { name, columns, primaryKey } = relation
  const theirs = other.own.get(name)
  const [me, them] = [self.merchantId, other.merchantId]
  const one = (what: string, where: string, parameters: unknown[], expected: Expectation) => ({
    ...selecting(what, `select * from ${name} where ${where}`, parameters),
    expected,
  })
  const cases: Case[] = [
    { ...selecting('everything', `select * from ${name}`), expected: 'all' },
    { ...selecting('all text there is', `select string_agg(r::text, ' ') from ${name} r`), expected: 'own' },
    one("the other's by merchant", 'merchant_id = $1', [them], 'nothing'),
    one('whoever is not oneself', 'merchant_id <> $1', [me], 'nothing'),
    one('through a predicate that fails on the rows of the other', '1 / (case when merchant_id = $1 then 0 else 1 end) = 1', [them], 'own'),
    { ...selecting('counting', `select count(*) from ${name} where merchant_id = $1 having count(*) > 0`, [them]), expected: 'nothing' },
    { ...selecting('by row', `select * from ${name} where (${name}.*) is not null or true`), expected: 'own' },
  ]
  if (relation.isTable) cases.push({ ...selecting('a sample', `select * from ${name} tablesample system (100)`), expected: 'own' })
  if (relation.privileges.includes('update')) cases.push({ ...selecting('to lock', `select * from ${name} for update`), expected: 'own' })
  if (!theirs) return cases
  for (const column of columns.filter(({ generated }) => !generated)) {
    const value = asParameter(theirs[column.name])
    cases.push(
      one(`by ${column.name}`, `"${column.name}" = $1::text::${column.type}`, [value], column.name === 'merchant_id' ? 'nothing' : 'own'),
    )
  }
  const key = keyOf(relation, primaryKey, theirs)
  cases.push(one('by primary key', key.text, key.parameters, 'nothing'))
  const keyWithoutMerchant = keyOf(
    relation,
    primaryKey.length > 1 ? primaryKey.filter((column) => column !== 'merchant_id') : primaryKey,
    theirs,
  )
  cases.push(one('by primary key without the merchant', keyWithoutMerchant.text, keyWithoutMerchant.parameters, 'nothing'))
  for (const { columns: from, target, targetColumns } of relation.foreignKeys) {
    const on = from
      .flatMap((column, index) => (column === 'merchant_id' ? [] : [`p."${targetColumns[index]}" = c."${column}"`]))
      .join(' and ')
    cases.push({
      ...selecting(`${target} joined by id`, `select p.*, c.merchant_id as child from ${name} c join ${target} p on ${on || 'true'}`),
      expected: 'own',
    })
  }
  return cases
}

function insertCases(relation: Relation, sides: Sides): Case[] {
  const { other, newcomerId } = sides
  const theirs = other.own.get(relation.name)!
  const refused = { refused: [NO_PRIVILEGE_OR_POLICY] }
  const insert = insertStatement(relation)
  const returning = insertStatement(relation, 'returning *')
  const asNewcomer = { ...theirs, ...ownParents(relation, sides, newcomerId), merchant_id: newcomerId }
  return [
    {
      ...writing('insert', 'a row of the other', insert, [rowText({ ...theirs, ...fresh(relation, theirs) })]),
      expected: refused,
    },
    {
      ...writing('insert', 'a row that the other has', insert, [rowText(theirs)]),
      expected: refused,
      unknown: [rowText({ ...theirs, ...fresh(relation, theirs) })],
    },
    {
      ...writing('insert', 'a row of nobody', insert, [rowText({ ...theirs, merchant_id: null })]),
      expected: { refused: ['42501', '23502'] },
    },
    {
      ...writing(
        'insert',
        'what the other has, read from it',
        `insert into ${relation.name} select * from ${relation.name} where merchant_id = $1`,
        [other.merchantId],
      ),
      expected: relation.columns.some(({ generated }) => generated) ? { refused: ['428C9'] } : 'nothing',
    },
    {
      ...writing('insert', "a row of one's own with every name and id of the other's", returning, [rowText(asNewcomer)]),
      as: 'newcomer',
      before: parentRows(relation, sides),
      expected: 'made',
    },
  ]
}

function updateCases(relation: Relation, { self, other }: Sides): Case[] {
  const { name, primaryKey } = relation
  const column = anyColumn(relation)
  const set = `update ${name} set "${column}" = ${name}."${column}"`
  const theirs = keyOf(relation, primaryKey, other.own.get(name)!)
  const refused = { refused: [NO_PRIVILEGE_OR_POLICY] }
  return [
    { ...writing('update', 'everything', `${set} returning ${name}.*`), expected: 'all' },
    {
      ...writing('update', "the other's by merchant", `${set} where merchant_id = $1 returning *`, [other.merchantId]),
      expected: 'nothing',
    },
    { ...writing('update', "the other's by key", `${set} where ${theirs.text} returning *`, theirs.parameters), expected: 'nothing' },
    {
      ...writing(
        'update',
        'from the rows of the other',
        `${set} from ${name} as source where source.merchant_id = $1 returning ${name}.*`,
        [other.merchantId],
      ),
      expected: 'nothing',
    },
    {
      ...writing(
        'update',
        'by merging',
        `${mergeWith(name, theirs)} update set "${column}" = ${name}."${column}" returning ${name}.*`,
        theirs.parameters,
      ),
      expected: 'nothing',
    },
    {
      ...writing('move', "one's own to the other", `update ${name} set merchant_id = $1 where merchant_id = $2`, [
        other.merchantId,
        self.merchantId,
      ]),
      expected: refused,
    },
    {
      ...writing('move', "the other's to oneself", `update ${name} set merchant_id = $1 where merchant_id = $2 returning *`, [
        self.merchantId,
        other.merchantId,
      ]),
      expected: 'nothing',
    },
    { ...writing('move', 'whatever there is to the other', `update ${name} set merchant_id = $1`, [other.merchantId]), expected: refused },
  ]
}

function deleteCases(relation: Relation, { other }: Sides): Case[] {
  const { name, primaryKey } = relation
  const theirs = keyOf(relation, primaryKey, other.own.get(name)!)
  return [
    { ...writing('delete', 'everything', `delete from ${name} returning *`), expected: 'all or kept' },
    {
      ...writing('delete', "the other's by merchant", `delete from ${name} where merchant_id = $1 returning *`, [other.merchantId]),
      expected: 'nothing',
    },
    {
      ...writing('delete', "the other's by key", `delete from ${name} where ${theirs.text} returning *`, theirs.parameters),
      expected: 'nothing',
    },
    {
      ...writing('delete', 'by merging', `${mergeWith(name, theirs)} delete returning ${name}.*`, theirs.parameters),
      expected: 'nothing',
    },
  ]
}

function upsertCases(relation: Relation, key: string[], sides: Sides): Case[] {
  const { self, other, newcomerId } = sides
  const theirs = other.own.get(relation.name)!
  const mine = twinOf(self, relation.name)
  const column = anyColumn(relation)
  const target = `(${key.map((name) => `"${name}"`).join(', ')})`
  const refused = { refused: [NO_PRIVILEGE_OR_POLICY] }
  const asNewcomer = { ...theirs, ...ownParents(relation, sides, newcomerId), merchant_id: newcomerId }
  return ['do nothing', `do update set "${column}" = excluded."${column}"`].flatMap((action): Case[] => {
    if (!relation.privileges.includes('insert') || (action !== 'do nothing' && !relation.privileges.includes('update'))) {
      return [
        {
          ...writing('upsert', `${target} ${action}, without the right to`, insertStatement(relation, `on conflict ${target} ${action}`), [
            rowText(mine),
          ]),
          expected: refused,
        },
      ]
    }
    const upsert = insertStatement(relation, `on conflict ${target} ${action} returning *`)
    const unknown = [rowText({ ...theirs, ...fresh(relation, theirs) })]
    return [
      { ...writing('upsert', `a row that the other has, ${target} ${action}`, upsert, [rowText(theirs)]), expected: refused, unknown },
      {
        ...writing('upsert', `one's own row, ${target} ${action}`, upsert, [rowText(mine)]),
        expected: action === 'do nothing' ? 'nothing' : 'made',
      },
      {
        ...writing('upsert', `names and ids of the other's, ${target} ${action}`, upsert, [rowText(asNewcomer)]),
        as: 'newcomer',
        before: parentRows(relation, sides),
        expected: 'made',
      },
    ]
  })
}

/** Somebody with nothing but the parents of a row points at a parent that only the other has. */
function referenceCases(relation: Relation, keyName: string, sides: Sides): Case[] {
  const { other, newcomerId } = sides
  const key = relation.foreignKeys.find(({ name }) => name === keyName)!
  const parent = other.own.get(key.target)
  if (!parent) return []
  const own = { ...twinOf(other, relation.name), ...ownParents(relation, sides, newcomerId), merchant_id: newcomerId }
  const pointing = key.columns.flatMap((column, index): [string, unknown][] =>
    column === 'merchant_id' ? [] : [[column, parent[key.targetColumns[index]!]]],
  )
  // A number beside an id (a version) stays: the id alone makes the pair nobody's.
  const atNothing = pointing.map(([column, value]): [string, unknown] => [
    column,
    typeOf(relation, column) === 'uuid' ? uuidOf(UNKNOWN) : value,
  ])
  const refused = { refused: [FOREIGN_KEY] }
  const rowOf = (values: [string, unknown][]) => [rowText({ ...own, ...Object.fromEntries(values) })]
  const cases: Case[] = [
    {
      ...writing('refer', `by ${keyName} in a new row`, insertStatement(relation), rowOf(pointing)),
      as: 'newcomer',
      before: parentRows(relation, sides),
      expected: refused,
      unknown: rowOf(atNothing),
    },
  ]
  if (relation.privileges.includes('update')) {
    const set = pointing.map(([column], index) => `"${column}" = $${index + 1}::text::${typeOf(relation, column)}`).join(', ')
    cases.push({
      ...writing(
        'refer',
        `by ${keyName} in an old row`,
        `update ${relation.name} set ${set}`,
        pointing.map(([, value]) => value),
      ),
      as: 'newcomer',
      before: [...parentRows(relation, sides), { text: insertStatement(relation), parameters: [rowText(own)] }],
      expected: refused,
      unknown: atNothing.map(([, value]) => value),
    })
  }
  return cases
}

/** The rows that a row of the relation needs, of the newcomer's own: copies of what both merchants have. */
function parentRows(relation: Relation, sides: Sides): Statement[] {
  return parentsOf(relation, sides.relations).flatMap((parent) => {
    const given = { ...ownParents(parent, sides, sides.newcomerId), merchant_id: sides.newcomerId }
    const rows = [
      { ...twinOf(sides.other, parent.name), ...given },
      ...apartOf(relation, parent, sides).map((row) => ({ ...row, ...given })),
    ]
    const inserts = rows.map((row) => ({ text: insertStatement(parent, 'on conflict do nothing'), parameters: [rowText(row)] }))
    return [...parentRows(parent, sides), ...inserts]
  })
}

/** What a row points at a second time, where that may not be the same: it goes from one place to another. */
function apartOf(relation: Relation, parent: Relation, { other }: Sides): Row[] {
  const row = twinOf(other, relation.name)
  const keys = relation.foreignKeys.filter((key) => key.target === parent.name && needsAnother(relation, key))
  return keys.map(({ columns, targetColumns }) => {
    const named = columns.map((column, index): [string, unknown] => [targetColumns[index]!, row[column]])
    return { ...other.own.get(parent.name), ...Object.fromEntries(named) }
  })
}

/** The values by which a row points at the newcomer's copies. */
function ownParents(relation: Relation, { other }: Sides, merchantId: string): Row {
  const columns = relation.foreignKeys.flatMap((key) => {
    const parent: Row = { ...other.twins.get(key.target), merchant_id: merchantId }
    const isApart = needsAnother(relation, key)
    return key.columns.map((column, index): [string, unknown] => [
      column,
      isApart && column !== 'merchant_id' ? twinOf(other, relation.name)[column] : parent[key.targetColumns[index]!],
    ])
  })
  return Object.fromEntries(columns)
}

/** Other values in every unique key, so that a row collides with none. */
function fresh(relation: Relation, row: Row): Row {
  const pointing = new Set(relation.foreignKeys.flatMap(({ columns }) => columns))
  const columns = new Set(relation.uniqueKeys.flat().filter((column) => column !== 'merchant_id' && !pointing.has(column)))
  return Object.fromEntries([...columns].map((column) => [column, other(row[column], column)]))
}

function other(value: unknown, column: string): unknown {
  if (typeof value === 'number') return value + 1_000
  if (Array.isArray(value)) return [UNKNOWN]
  if (/^\d{4}-\d\d-\d\d$/.test(String(value))) return '2027-12-31'
  return /^[0-9a-f]{8}-/.test(String(value)) ? uuidOf(UNKNOWN + column) : UNKNOWN
}

function keyOf(relation: Relation, key: readonly string[], row: Row): Statement {
  return {
    text: key.map((column, index) => `${relation.name}."${column}" = $${index + 1}::text::${typeOf(relation, column)}`).join(' and '),
    parameters: key.map((column) => asParameter(row[column])),
  }
}

function mergeWith(name: string, key: Statement): string {
  return `merge into ${name} using (values (1)) as source (one) on ${key.text} when matched then`
}

function selecting(name: string, text: string, parameters: unknown[] = []): Omit<Case, 'expected'> {
  return { verb: 'select', name, text, parameters, as: 'self', before: [] }
}

function writing(verb: Case['verb'], name: string, text: string, parameters: unknown[] = []): Omit<Case, 'expected'> {
  return { verb, name, text, parameters, as: 'self', before: [] }
}

function readable(relation: Relation, cases: Case[]): Case[] {
  return allowed(relation, 'select', cases)
}

/** Without the privilege the same statements must be refused. */
function allowed(relation: Relation, privilege: string, cases: Case[]): Case[] {
  if (relation.privileges.includes(privilege)) return cases
  return cases.map((item) => ({ ...item, expected: { refused: [NO_PRIVILEGE_OR_POLICY] } }))
}

function anyColumn(relation: Relation): string {
  return writableColumns(relation).find((column) => column !== 'merchant_id')!
}

function typeOf(relation: Relation, column: string): string {
  return relation.columns.find(({ name }) => name === column)!.type
}

function rowText(row: Row): string {
  return JSON.stringify(row)
}

/** A value as PostgreSQL reads it from text. */
function asParameter(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (Array.isArray(value)) return `{${value.map((item) => JSON.stringify(item)).join(',')}}`
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
