import type { TestDatabase } from '@souk/local-postgres/test-database.ts'
import postgres from 'postgres'
import { type DefinerFunction, type Relation, readDefinerFunctions, readRelations } from './catalogue.ts'
import { callsOf, DOORS } from './function-cases.ts'
import { type Belongings, fillMerchants, tenantTables, uuidOf, writableColumns } from './generated-rows.ts'
import { type Case, casesOf, FOREIGN_KEY, type Sides, type Statement } from './isolation-cases.ts'
import { connections, type Outcome, run, STATES, type State } from './merchant-connections.ts'

export interface Findings {
  /** What was tried, by verb. */
  cases: Record<string, number>
  /** What should not have been. */
  leaks: string[]
}

const SELF = uuidOf('self')
const OTHER = uuidOf('other')
const NEWCOMER = uuidOf('newcomer')
const NO_MERCHANT = ['42704', '22P02', '42501', '428C9']
const AT_ONCE = 3

/**
 * Tries everything that the catalogue suggests: for every table and view, and every function with other rights than its caller's, what
 * one merchant can do to or learn of another's, on fresh and used connections, with a merchant in scope and with none.
 */
export async function findLeaks(database: TestDatabase, only?: { relations: string[]; functions: string[] }): Promise<Findings> {
  const admin = postgres(database.adminUrl, { max: AT_ONCE, onnotice: () => {} })
  try {
    const relations = await readRelations(admin)
    const functions = await readDefinerFunctions(admin)
    await admin`insert into tenancy.home (merchant_id, epoch, state) select unnest(${[SELF, OTHER, NEWCOMER]}::uuid[]), 1, 'active'`
    const { self, other, collided } = await fillMerchants(admin, relations, [SELF, OTHER])
    const sides: Sides = { relations, self, other, newcomerId: NEWCOMER }
    const findings = new Finder(database, admin, sides)
    findings.leaks.push(...collided)
    await findings.queueJobs()
    const before = await findings.digest(OTHER)
    const jobs = relations
      .filter(({ name }) => !only || only.relations.includes(name))
      .map((relation) => () => findings.tryRelation(relation))
    await inParallel(AT_ONCE, jobs)
    for (const called of functions.filter(({ name }) => !only || only.functions.includes(name))) await findings.tryFunction(called)
    await findings.everythingOfSelfGoes(tenantTables(relations))
    findings.expectUnchanged(before, await findings.digest(OTHER), 'after all of this')
    return { cases: findings.cases, leaks: findings.leaks }
  } finally {
    await admin.end()
  }
}

class Finder {
  readonly cases: Record<string, number> = {}
  readonly leaks: string[] = []
  readonly #database: TestDatabase
  readonly #admin: postgres.Sql
  readonly #sides: Sides

  constructor(database: TestDatabase, admin: postgres.Sql, sides: Sides) {
    this.#database = database
    this.#admin = admin
    this.#sides = sides
  }

  async tryRelation(relation: Relation): Promise<void> {
    const cases = casesOf(relation, this.#sides)
    for (const state of STATES) {
      await using open = connections(this.#database.url('souk_app'), state)
      // Whoever has never known a merchant is as fresh after a refusal as before: one connection serves for all cases.
      await using stranger = connections(this.#database.url('souk_app'), 'fresh')
      for (const item of cases) {
        await open.prepare(item, OTHER)
        await this.#tryInScope(item, state, relation, open)
        if (state !== 'fresh') await open.prepare(item, OTHER)
        this.#count(item.verb)
        this.#judgeWithout(
          await run(await (state === 'fresh' ? stranger : open).connection(), { scope: null, before: [], statement: item }),
          `${relation.name}: ${item.verb} ${item.name} (${state})`,
        )
      }
    }
  }

  async #tryInScope(item: Case, state: State, relation: Relation, open: ReturnType<typeof connections>): Promise<void> {
    const where = `${relation.name}: ${item.verb} ${item.name} (${state})`
    const scope = item.as === 'self' ? SELF : NEWCOMER
    const tryWith = async (parameters: unknown[]) =>
      run(await open.connection(), { scope, before: item.before, statement: { text: item.text, parameters } })
    this.#count(item.verb)
    const outcome = await tryWith(item.parameters)
    const fault = faultOf(item, outcome, scope, this.#sides.other)
    if (fault) this.leaks.push(`${where}: ${fault}`)
    if (!item.unknown) return
    await open.prepare(item, OTHER)
    const unknown = await tryWith(item.unknown)
    if (faceOf(outcome) !== faceOf(unknown)) this.leaks.push(`${where}: ${faceOf(outcome)}, but with what is nobody's ${faceOf(unknown)}`)
  }

  #judgeWithout(outcome: Outcome, where: string): void {
    const refused = 'error' in outcome && NO_MERCHANT.includes(outcome.error.code)
    if (!refused) this.leaks.push(`${where}, without a merchant: ${faceOf(outcome)}`)
  }

  /** Calls a function with everything of the other's that fits its arguments. What it answers, and where it leaves us, must be our own. */
  async tryFunction(called: DefinerFunction): Promise<void> {
    const { other } = this.#sides
    const before = await this.digest(OTHER)
    let answered = false
    for (const state of STATES) {
      await using open = connections(this.#database.url('souk_app'), state)
      for (const statement of callsOf(called, this.#sides.relations, other)) {
        for (const scope of [SELF, null]) {
          this.#count('call')
          await open.prepare(statement, OTHER)
          const outcome = await run(await open.connection(), { scope, before: [], statement, commit: true, tellScope: true })
          if ('error' in outcome) continue
          answered = true
          const fault = faultOfCall(called, statement, outcome, scope, other)
          const where = `${called.signature} (${state}, ${scope ? 'in scope' : 'without a merchant'})`
          if (fault) this.leaks.push(`${where} with ${JSON.stringify(statement.parameters)}: ${fault}`)
        }
      }
    }
    if (!answered) this.leaks.push(`${called.signature} refuses every call: what was tried proves nothing. Say more in ARGUMENTS.`)
    this.expectUnchanged(before, await this.digest(OTHER), `after ${called.signature}`)
  }

  /** A merchant changes and deletes all that it can, for good. */
  async everythingOfSelfGoes(tables: readonly Relation[]): Promise<void> {
    await using open = connections(this.#database.url('souk_app'), 'reused')
    const before = await this.digest(SELF)
    for (const table of tables.toReversed()) {
      const column = writableColumns(table).find((name) => name !== 'merchant_id')!
      for (const text of [`update ${table.name} set "${column}" = "${column}"`, `delete from ${table.name}`]) {
        this.#count('for good')
        await run(await open.connection(), { scope: SELF, before: [], statement: { text, parameters: [] }, commit: true })
      }
    }
    if ((await this.digest(SELF)) === before) this.leaks.push('a merchant could delete nothing of its own: what was tried proves nothing')
  }

  /** Both merchants have a job of the same name waiting. */
  async queueJobs(): Promise<void> {
    await using open = connections(this.#database.url('souk_app'), 'reused')
    const statement = { text: `select queue.enqueue('shared-name', '{}'::jsonb, 'shared-name', now(), 5)`, parameters: [] }
    for (const scope of [SELF, OTHER]) await run(await open.connection(), { scope, before: [], statement, commit: true })
  }

  expectUnchanged(before: string, after: string, when: string): void {
    if (before !== after) this.leaks.push(`the other's rows have changed ${when}`)
  }

  /** Everything that is a merchant's, in any schema, as one text. */
  async digest(merchantId: string): Promise<string> {
    const rows = await this.#admin`
      select c.oid::regclass::text as name, query_to_xml(format(
        'select md5(string_agg(t::text, chr(10) order by t::text)) as digest from %s t where merchant_id = %L',
        c.oid::regclass, ${merchantId}::text), true, false, '')::text as content
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and n.nspname not like 'pg\\_%' and exists (
        select from pg_attribute a where a.attrelid = c.oid and a.attname = 'merchant_id' and not a.attisdropped)
      union all
      select 'jobs', string_agg(j::text, chr(10) order by j.id) from graphile_worker._private_jobs j
      where j.payload ->> 'merchantId' = ${merchantId}
      order by 1`
    return JSON.stringify(rows)
  }

  #count(verb: string): void {
    this.cases[verb] = (this.cases[verb] ?? 0) + 1
  }
}

/** What is wrong with what came of a case. */
function faultOf({ expected, as }: Case, outcome: Outcome, scope: string, other: Belongings): string | undefined {
  if ('error' in outcome) {
    const { code } = outcome.error
    const foreseen = typeof expected === 'object' ? expected.refused.includes(code) : expected === 'all or kept' && code === FOREIGN_KEY
    return foreseen ? undefined : faceOf(outcome)
  }
  if (typeof expected === 'object') return `not refused: ${faceOf(outcome)}`
  // A newcomer has taken over every value of the other's, but for the merchant.
  const secrets = as === 'newcomer' ? [other.merchantId] : [other.merchantId, other.canary, hexOf(other.canary)]
  if (secrets.some((secret) => outcome.text.includes(secret))) return `betrays the other: ${outcome.text.slice(0, 300)}`
  if (outcome.rows.some((row) => 'merchant_id' in row && row.merchant_id !== scope)) return 'answers rows of another merchant'
  if (expected === 'nothing') return outcome.count === 0 ? undefined : faceOf(outcome)
  if (expected === 'made') return outcome.count === 1 ? undefined : faceOf(outcome)
  return expected !== 'own' && outcome.count === 0 ? 'finds nothing of its own: what was tried proves nothing' : undefined
}

/** What is wrong with the answer of a function, the other's values that it was given aside, or with whom it leaves in scope. */
function faultOfCall(
  called: DefinerFunction,
  { parameters }: Statement,
  outcome: Exclude<Outcome, { error: unknown }>,
  scope: string | null,
  other: Belongings,
): string | undefined {
  const told = parameters.reduce((text: string, value) => text.replaceAll(String(value), ''), outcome.text)
  if (told.includes(other.canary) || told.includes(hexOf(other.canary))) return `answers ${told}`
  if (!DOORS.has(called.name) && (outcome.scope || null) !== scope) return `leaves us as ${outcome.scope}`
  return undefined
}

/** What whoever sent a statement sees of its outcome, without the values that were sent. */
function faceOf(outcome: Outcome): string {
  if (!('error' in outcome)) return `${outcome.count} rows`
  const { code, message, detail, constraint_name } = outcome.error
  return [code, message, constraint_name, detail?.replaceAll(/[0-9a-f-]{36}/g, '#')].filter(Boolean).join(' ')
}

function hexOf(text: string): string {
  return Buffer.from(text).toString('hex')
}

async function inParallel(atOnce: number, jobs: (() => Promise<void>)[]): Promise<void> {
  const waiting = jobs.values()
  const work = async () => {
    for (const job of waiting) await job()
  }
  await Promise.all(Array.from({ length: atOnce }, work))
}
