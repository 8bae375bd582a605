import { isDeepStrictEqual } from 'node:util'
import type { Tx } from '@souk/tenant-router/tx.ts'
import { readCsv } from '../imports/read-csv.ts'
import { currencyDigits, parseDecimal } from '../money.ts'
import { Refusal } from '../refusal.ts'
import { checkPlace, FieldProblems } from '../taxes/check-place.ts'
import type { ByWhom } from '../taxes/record-change.ts'
import { countryCode } from '../taxes/region.ts'
import { createMethod, listMethods, type ShippingMethodRecord, updateMethod } from './shipping-methods.ts'
import { type ShippingMethod, type ShippingTableRow, TABLE_ROWS_MAX } from './shipping-table.ts'

export const TABLE_FILE_BYTES_MAX = 900 * 1024

type Measure = Extract<ShippingMethod['rate'], { type: 'table' }>['by']

/** A table of rates as Magento exports it, and the method it becomes. */
export interface TableFile {
  content: string
  code: string
  name: string
  /** What the file's weights are in. */
  weightUnit: 'g' | 'kg' | 'oz' | 'lb'
}

export interface ImportedTable {
  outcome: 'created' | 'updated' | 'unchanged'
  method: ShippingMethodRecord
  rows: number
  /** Rows that are not taken, by the line they begin on. */
  refused: { line: number; code: string; detail: string }[]
}

/** What the columns are called in Magento's own export, and in its sample data. */
const COUNTRY = ['country']
const REGION = ['region', 'region/state']
const POSTCODE = ['zip', 'zip/postal code']
const PRICE = ['price', 'shipping price']
const MEASURES: Record<string, Measure> = {
  order_subtotal: 'subtotal',
  'order subtotal (and above)': 'subtotal',
  weight: 'weight',
  'weight (and above)': 'weight',
  items: 'quantity',
  '# of items (and above)': 'quantity',
}

// Grams in a unit, as fractions: a pound is 453.59237 g by definition, an ounce a sixteenth of it.
const GRAMS: Record<TableFile['weightUnit'], readonly [bigint, bigint]> = {
  g: [1n, 1n],
  kg: [1_000n, 1n],
  lb: [45_359_237n, 100_000n],
  oz: [45_359_237n, 1_600_000n],
}
const WEIGHT_DIGITS = 4

/** A method without limits and conditions. */
const ANYWHERE = {
  zone_ids: null,
  conditions: null,
  tax_category: null,
  subtotal_min: null,
  subtotal_max: null,
  grams_min: null,
  grams_max: null,
  free_from: null,
} as const

/**
 * Makes a method of a table of rates, or changes the one with its code; the same file again changes nothing. Rows that are wrong
 * are left out and named. Refuses `import_invalid` where the content is no such file or holds no row that can be taken, and what
 * createMethod refuses.
 */
export async function importTable(tx: Tx, file: TableFile, by: ByWhom): Promise<ImportedTable> {
  const [shop] = await tx.sql<{ currency: string }[]>`select currency from merchant_settings where merchant_id = ${tx.merchantId}`
  const { measure, rows, refused } = await readTable(file, currencyDigits(shop!.currency))
  if (rows.length === 0 || rows.length > TABLE_ROWS_MAX) {
    const why = rows.length === 0 ? 'no row of it can be taken' : `it has more than ${TABLE_ROWS_MAX} rows`
    throw new Refusal('import_invalid', { detail: `This is no table of rates: ${why}.`, extra: { refused: refused.slice(0, 20) } })
  }
  const rate = { type: 'table' as const, by: measure, rows }
  const before = (await listMethods(tx)).find(({ method }) => method.code === file.code)
  const method = before
    ? await updateMethod(tx, before.id, { method: { rate } }, by)
    : await createMethod(tx, { active: true, method: { ...ANYWHERE, code: file.code, name: file.name, rate } }, by)
  const outcome = !before ? 'created' : isDeepStrictEqual(before.method, method.method) ? 'unchanged' : 'updated'
  return { outcome, method, rows: rows.length, refused }
}

interface Columns {
  country: number
  region: number
  postcode: number
  from: number
  price: number
  measure: Measure
}

async function readTable(file: TableFile, digits: number) {
  let columns: Columns | undefined
  const rows = new Map<string, ShippingTableRow>()
  const refused: ImportedTable['refused'] = []
  for await (const { line, fields } of readCsv([Buffer.from(file.content)])) {
    if (!columns) {
      columns = columnsOf(fields)
      continue
    }
    const row = readRow(fields, columns, { digits, unit: file.weightUnit })
    const key = JSON.stringify('code' in row ? line : [row.country, row.region, row.postcode, row.from])
    if ('code' in row) refused.push({ line, ...row })
    else if (rows.has(key)) refused.push({ line, code: 'duplicate', detail: 'An earlier row is for the same place and step.' })
    else rows.set(key, row)
  }
  if (!columns) throw notATable('it is empty')
  return { measure: columns.measure, rows: [...rows.values()], refused }
}

function columnsOf(header: readonly string[]): Columns {
  const names = header.map((name) => name.trim().toLowerCase())
  const find = (known: readonly string[]): number => {
    const index = names.findIndex((name) => known.includes(name))
    if (index === -1) throw notATable(`it has no column ${known[0]}`)
    return index
  }
  const from = find(Object.keys(MEASURES))
  return {
    country: find(COUNTRY),
    region: find(REGION),
    postcode: find(POSTCODE),
    price: find(PRICE),
    from,
    measure: MEASURES[names[from]!]!,
  }
}

function readRow(
  fields: readonly string[],
  columns: Columns,
  how: { digits: number; unit: TableFile['weightUnit'] },
): ShippingTableRow | { code: string; detail: string } {
  const any = (index: number) => (['', '*'].includes(fields[index]!.trim()) ? null : fields[index]!.trim())
  const given = any(columns.country)
  const country = given === null || given === '0' ? '*' : countryCode(given)
  if (country === undefined) return { code: 'unknown_country', detail: 'There is no such country in ISO 3166-1.' }
  const problems = new FieldProblems()
  const postcode = any(columns.postcode)?.replace(/\*+$/, '') ?? null
  const place = checkPlace({ country, region: any(columns.region), postcode_from: postcode }, '', problems)
  const [problem] = problems.list
  if (problem) return { code: problem.code, detail: problem.detail ?? problem.code }
  const from = stepOf(fields[columns.from]!.trim(), columns.measure, how)
  const amount = parseDecimal(
    fields[columns.price]!.trim()
      .replace(/(\.\d*?)0+$/, '$1')
      .replace(/\.$/, ''),
    how.digits,
  )
  if (from === undefined || from < 0n) return { code: 'quantity_out_of_range', detail: 'The step is no number that can be reached.' }
  if (amount === undefined || amount < 0n) return { code: 'amount_out_of_range', detail: 'The price is no amount of the shop’s currency.' }
  return { country: place.country, region: place.region, postcode: place.postcode_from, from: Number(from), amount: Number(amount) }
}

/** In minor units, grams or pieces. A weight between two grams begins at the higher one. */
function stepOf(text: string, measure: Measure, { digits, unit }: { digits: number; unit: TableFile['weightUnit'] }): bigint | undefined {
  if (measure === 'subtotal') return parseDecimal(text, digits)
  if (measure === 'quantity') return parseDecimal(text, 0)
  const weight = parseDecimal(text, WEIGHT_DIGITS)
  const [grams, per] = GRAMS[unit]
  const divisor = per * 10n ** BigInt(WEIGHT_DIGITS)
  return weight === undefined ? undefined : (weight * grams + divisor - 1n) / divisor
}

function notATable(why: string): Refusal {
  return new Refusal('import_invalid', { detail: `This is no table of rates as Magento exports them: ${why}.` })
}
