import { readCsv } from '../imports/read-csv.ts'
import { badRate, notSuchAFile, ppmOf, type RateEntry, rateOf } from './rate-file.ts'
import { countryCode } from './region.ts'

/** What the columns are called in Magento's own export, and in its sample data. */
const COLUMNS = {
  code: ['code'],
  country: ['country', 'tax_country_id'],
  region: ['state', 'tax_region_name'],
  postcode: ['zip/post code', 'tax_postcode'],
  rate: ['rate'],
  isRange: ['zip/post is range'],
  from: ['range from'],
  to: ['range to'],
} as const

type Column = keyof typeof COLUMNS
const REQUIRED: readonly Column[] = ['code', 'country', 'region', 'postcode', 'rate']

/**
 * Reads tax rates as Magento exports them (CSV): a code, country, state by name or code, postcode (`*`, a beginning such as 90*, a
 * range such as 90000-90999) and a percentage. Refuses `import_invalid` for anything else, and what `readCsv` refuses.
 */
export async function readMagentoTax(content: string): Promise<RateEntry[]> {
  let columns: Partial<Record<Column, number>> | undefined
  const entries: RateEntry[] = []
  for await (const { fields } of readCsv([Buffer.from(content)])) {
    if (!columns) columns = columnsOf(fields)
    else entries.push(readRow(fields, columns))
  }
  if (!columns) throw notSuchAFile('magento_tax_rates', 'it is empty')
  return entries
}

function columnsOf(header: readonly string[]): Partial<Record<Column, number>> {
  const names = header.map((name) => name.trim().toLowerCase())
  const found = Object.entries(COLUMNS).map(([column, known]) => [
    column,
    names.findIndex((name) => (known as readonly string[]).includes(name)),
  ])
  const columns = Object.fromEntries(found.filter(([, index]) => index !== -1)) as Partial<Record<Column, number>>
  const missing = REQUIRED.find((column) => columns[column] === undefined)
  if (missing) throw notSuchAFile('magento_tax_rates', `it has no column for ${COLUMNS[missing][0]}`)
  return columns
}

function readRow(fields: readonly string[], columns: Partial<Record<Column, number>>): RateEntry {
  const field = (column: Column) => (columns[column] === undefined ? '' : (fields[columns[column]] ?? '').trim())
  const key = field('code')
  const country = countryCode(field('country'))
  const refused = (code: string, detail: string): RateEntry => ({ key, country: country ?? '', refused: { code, detail } })
  if (key === '') return refused('invalid_code', 'A rate has a code.')
  if (!country) return refused('unknown_country', 'There is no such country in ISO 3166-1.')
  const percentage = /^\d{1,3}(\.\d{1,4}0*)?$/.test(field('rate')) ? ppmOf(Number(field('rate')), 100) : undefined
  if (percentage === undefined) return badRate(key, country)
  const region = ['', '*'].includes(field('region')) ? null : field('region')
  const postcodes = postcodesOf(field('postcode'), field('isRange') === '1' ? [field('from'), field('to')] : undefined)
  return { key, country, rate: rateOf({ name: key, country, region, rate_ppm: percentage, ...postcodes }) }
}

function postcodesOf(postcode: string, range: string[] | undefined): { postcode_from: string | null; postcode_to: string | null } {
  const [from, to] = range ?? (/^[0-9]+-[0-9]+$/.test(postcode) ? postcode.split('-') : [])
  if (from !== undefined && to !== undefined) return { postcode_from: from, postcode_to: to }
  const beginning = postcode.replace(/\*+$/, '')
  return beginning === '' ? { postcode_from: null, postcode_to: null } : { postcode_from: beginning, postcode_to: beginning }
}
