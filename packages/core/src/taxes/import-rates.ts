import type { Tx } from '@souk/tenant-router/tx.ts'
import { newId } from '../ids.ts'
import { lockPricing } from '../merchant/pricing-revision.ts'
import { isSameScope } from './change-rates.ts'
import { checkRate, crosses, type NewTaxRate } from './check-rate.ts'
import type { RateEntry } from './rate-file.ts'
import { readEuVat } from './read-eu-vat.ts'
import { readMagentoTax } from './read-magento-tax.ts'
import { readWorldTax } from './read-world-tax.ts'
import { type ByWhom, recordChange } from './record-change.ts'
import { TAX_RATES_MAX } from './tax-table.ts'

export const RATE_FILE_BYTES_MAX = 900 * 1024

export type RateFileFormat = 'eu_vat_rates' | 'world_sales_tax' | 'magento_tax_rates'

export interface RateFile {
  format: RateFileFormat
  content: string
  /** Only entries of these countries; absent: all. */
  countries?: readonly string[] | undefined
}

/**
 * What became of one entry of a file. `skipped`: it says that nothing is charged. `not_in_file`: an earlier edition had it; the
 * rate stays until somebody deletes it.
 */
export interface ImportedRate {
  key: string
  outcome: 'created' | 'updated' | 'unchanged' | 'skipped' | 'refused' | 'not_in_file'
  tax_rate_id: string | null
  code: string | null
  detail: string | null
}

interface StoredRate extends NewTaxRate {
  id: string
  source: string | null
  source_key: string | null
}

/** What a file decides about a rate. The name is left to staff once the rate is there. */
const OWNED = [
  'country',
  'region',
  'postcode_from',
  'postcode_to',
  'postcode_pattern',
  'category',
  'rate_ppm',
  'valid_from',
  'valid_to',
  'compound',
  'priority',
] as const satisfies (keyof NewTaxRate)[]

/**
 * Takes over the rates of a file. Each entry is known again by its key, so that a second import of the same file writes nothing and
 * a newer edition changes what is new in it. An entry that is wrong, or would say something where another rate does, is refused
 * and named; the others are taken. Refuses `import_invalid` where the content is no such file.
 */
export async function importRates(tx: Tx, file: RateFile, by: ByWhom): Promise<ImportedRate[]> {
  const all = await readRateFile(file)
  const countries = file.countries && new Set(file.countries)
  const entries = all.filter(({ country }) => !countries || countries.has(country))
  await lockPricing(tx)
  const plan = planImport(await storedRates(tx), entries, file.format, by.now)
  const absent = plan.absent.filter(({ country }) => !countries || countries.has(country))
  const results = [...plan.results, ...absent.map(({ id, source_key }) => outcome(source_key!, 'not_in_file', id))]
  if (plan.made.length === 0 && plan.changed.length === 0) return results
  await write(tx, plan, file.format, by)
  const counts = { created: plan.made.length, updated: plan.changed.length }
  const after = { format: file.format, ...counts, keys: [...plan.made, ...plan.changed].map(({ source_key }) => source_key) }
  const change = {
    type: 'tax_rates.imported',
    of: 'tax_rates',
    id: tx.merchantId,
    before: plan.replaced,
    after,
    data: { format: file.format, ...counts },
  }
  await Promise.all(recordChange(tx, change, by))
  return results
}

async function readRateFile({ format, content }: RateFile): Promise<RateEntry[]> {
  if (format === 'eu_vat_rates') return readEuVat(content)
  return format === 'world_sales_tax' ? readWorldTax(content) : await readMagentoTax(content)
}

interface Plan {
  results: ImportedRate[]
  made: StoredRate[]
  changed: StoredRate[]
  /** The changed ones as they were. */
  replaced: StoredRate[]
  absent: StoredRate[]
}

/** Decides about each entry, with those before it already taken over. */
function planImport(stored: readonly StoredRate[], entries: readonly RateEntry[], source: string, now: Date): Plan {
  const plan: Plan = { results: [], made: [], changed: [], replaced: [], absent: [] }
  const known = new Map(stored.filter((rate) => rate.source === source).map((rate) => [rate.source_key!, rate]))
  const missing = new Map(known)
  const current = new Map(stored.map((rate) => [rate.id, rate]))
  const neighbours = Map.groupBy(stored, (rate) => rate.country)
  const seen = new Set<string>()
  for (const entry of entries) {
    missing.delete(entry.key)
    const before = known.get(entry.key)
    const decided = seen.has(entry.key) ? refused(entry.key, 'duplicate', 'The file has this entry twice.') : decide(entry, before)
    seen.add(entry.key)
    if (!('rate' in decided)) {
      plan.results.push(decided)
      continue
    }
    const row: StoredRate = { ...decided.rate, id: before?.id ?? newId(now), source, source_key: entry.key }
    const others = neighbours.get(row.country) ?? []
    const conflict = others.map(({ id }) => current.get(id)!).find((other) => other.id !== row.id && contradicts(other, row))
    if (conflict)
      plan.results.push(refused(entry.key, 'duplicate', `Another rate is for the same place and time: ${conflict.name}, ${conflict.id}.`))
    else if (!before && current.size >= TAX_RATES_MAX)
      plan.results.push(refused(entry.key, 'too_many', `There may be ${TAX_RATES_MAX} tax rates.`))
    else {
      current.set(row.id, row)
      neighbours.set(row.country, [...others.filter(({ id }) => id !== row.id), row])
      if (before) plan.replaced.push(before)
      ;(before ? plan.changed : plan.made).push(row)
      plan.results.push(outcome(entry.key, before ? 'updated' : 'created', row.id))
    }
  }
  return { ...plan, absent: [...missing.values()] }
}

/** The rate to write, or what is said of an entry that writes nothing. */
function decide(entry: RateEntry, before: StoredRate | undefined): ImportedRate | { rate: NewTaxRate } {
  if ('refused' in entry) return refused(entry.key, entry.refused.code, entry.refused.detail)
  if ('skipped' in entry) return { ...outcome(entry.key, 'skipped', null), detail: entry.skipped }
  const { rate, problems } = checkRate(entry.rate)
  const [problem] = problems
  if (problem) return refused(entry.key, problem.code, problem.detail ?? problem.code)
  if (before && OWNED.every((field) => before[field] === rate[field])) return outcome(entry.key, 'unchanged', before.id)
  return { rate: before ? { ...rate, name: before.name } : rate }
}

function contradicts(a: NewTaxRate, b: NewTaxRate): boolean {
  const sameGoods = a.country === b.country && a.region === b.region && a.category === b.category && a.priority === b.priority
  return sameGoods && (isSameScope(a, b) || crosses(a, b))
}

function outcome(key: string, what: ImportedRate['outcome'], id: string | null): ImportedRate {
  return { key, outcome: what, tax_rate_id: id, code: null, detail: null }
}

function refused(key: string, code: string, detail: string): ImportedRate {
  return { key, outcome: 'refused', tax_rate_id: null, code, detail }
}

async function storedRates(tx: Tx): Promise<StoredRate[]> {
  return tx.sql<StoredRate[]>`
    select id, source, source_key, name, country, region, postcode_from, postcode_to, postcode_pattern, category, rate_ppm::integer as rate_ppm,
      valid_from::text as valid_from, valid_to::text as valid_to, compound, priority
    from tax_rate where merchant_id = ${tx.merchantId} order by id`
}

/** Two statements for any number of rates. Changed ones are written anew: two that change places would meet on the way. */
async function write(tx: Tx, { made, changed }: Plan, source: string, by: ByWhom): Promise<void> {
  await tx.sql`delete from tax_rate where merchant_id = ${tx.merchantId} and id = any(${changed.map(({ id }) => id)}::uuid[])`
  await tx.sql`
    insert into tax_rate (merchant_id, id, name, country, region, postcode_from, postcode_to, postcode_pattern, category, rate_ppm, valid_from,
      valid_to, compound, priority, source, source_key, created_at, updated_at)
    select ${tx.merchantId}, id, name, country, region, postcode_from, postcode_to, postcode_pattern, category, rate_ppm, valid_from,
      valid_to, compound, priority, ${source}, source_key, ${by.now}, ${by.now}
    from jsonb_populate_recordset(null::tax_rate, ${JSON.stringify([...changed, ...made])}::jsonb)`
}
