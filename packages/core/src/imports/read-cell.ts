import type { ProductStatus } from '../catalog/tables.ts'
import { parseDecimal } from '../money.ts'
import type { ImportRow } from './columns.ts'
import type { Problems } from './problem.ts'

// Each reads one cell. Undefined: the file has no such column, so that what is there stays.

const WHOLE = /^-?\d{1,15}(\.0+)?$/
const TRUE = new Set(['true', 'yes', '1'])
const FALSE = new Set(['false', 'no', '0'])
const TAX_CODE = /^[a-z0-9][a-z0-9_-]{0,62}$/

/** An amount of major units in minor units. Undefined for an empty cell too. */
export function amountOf(
  { line, cells }: ImportRow,
  column: 'price' | 'compareAtPrice',
  digits: number,
  problems: Problems,
): bigint | undefined {
  const text = cells[column]
  if (!text) return undefined
  const amount = parseDecimal(text, digits)
  if (amount === undefined)
    problems.error(line, column, 'invalid_price', `"${shown(text)}" is not an amount with at most ${digits} decimals.`)
  return amount
}

/** An empty cell is true: shipped and taxed, published. */
export function booleanOf(
  { line, cells }: ImportRow,
  column: 'requiresShipping' | 'taxable' | 'published',
  problems: Problems,
): boolean | undefined {
  const text = cells[column]?.toLowerCase()
  if (text === undefined) return undefined
  if (text === '' || TRUE.has(text)) return true
  if (!FALSE.has(text)) problems.error(line, column, 'invalid_boolean', `"${shown(text)}" is neither true nor false.`)
  return false
}

export function publishedOf(row: ImportRow, problems: Problems): boolean | undefined {
  return booleanOf(row, 'published', problems)
}

export function statusOf({ line, cells }: ImportRow, problems: Problems): ProductStatus | undefined {
  const text = cells.status?.toLowerCase()
  if (text === undefined) return undefined
  if (text === '' || text === 'active') return 'active'
  if (text === 'draft' || text === 'archived') return text
  problems.error(line, 'status', 'invalid_status', `"${shown(text)}" is not active, draft or archived.`)
  return 'draft'
}

/** Whether the variant is sold when nothing is left. */
export function policyOf({ line, cells }: ImportRow, problems: Problems): boolean | undefined {
  const text = cells.policy?.toLowerCase()
  if (text === undefined) return undefined
  if (text === 'continue' || TRUE.has(text)) return true
  if (text !== '' && text !== 'deny' && !FALSE.has(text))
    problems.error(line, 'policy', 'invalid_policy', `"${shown(text)}" is neither deny nor continue.`)
  return false
}

export function gramsOf({ line, cells }: ImportRow, problems: Problems): number | undefined {
  const text = cells.grams
  if (text === undefined) return undefined
  if (text === '') return 0
  if (!/^\d{1,12}(\.\d{1,9})?$/.test(text)) {
    problems.error(line, 'grams', 'invalid_number', `"${shown(text)}" is not a number of grams.`)
    return 0
  }
  return Math.round(Number(text))
}

/** Opening stock. Shops that oversold have negative figures in their files: there is nothing on hand then. */
export function quantityOf({ line, cells }: ImportRow, tracked: boolean, problems: Problems): number | undefined {
  const text = cells.quantity
  if (text === undefined) return undefined
  if (text === '' || !tracked) return 0
  if (!WHOLE.test(text)) {
    problems.error(line, 'quantity', 'invalid_number', `"${shown(text)}" is not a whole number.`)
    return 0
  }
  const quantity = Number(text)
  if (quantity >= 0) return quantity
  problems.warning(line, 'quantity', 'negative_quantity', `The file says ${text}: nothing is on hand.`)
  return 0
}

/** An empty cell is the standard category. Codes of the tables are in small letters, those of files often in capitals. */
export function taxCategoryOf({ line, cells }: ImportRow, problems: Problems): string | null | undefined {
  const text = cells.taxCategory
  if (text === undefined) return undefined
  if (text === '') return null
  const code = text.toLowerCase()
  if (TAX_CODE.test(code)) return code
  problems.warning(line, 'taxCategory', 'invalid_tax_category', `"${shown(text)}" is not a code such as "books": it is left out.`)
  return undefined
}

/** Separated by commas; a tag that is there twice counts once. */
export function tagsOf(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined
  const tags = text.split(',').map((tag) => tag.trim().normalize('NFC'))
  return [...new Set(tags.filter((tag) => tag !== ''))]
}

/** What was in the cell, short enough for a report. */
function shown(text: string): string {
  const plain = text.replace(/\p{C}/gu, '?')
  return plain.length > 40 ? `${plain.slice(0, 40)}...` : plain
}
