import type { Line } from './allocate.ts'

/** Lines for a statement. Quantities as text: JSON numbers would lose digits on the way. */
export function linesJson(lines: readonly Line[]): string {
  return JSON.stringify(lines.map((line) => ({ variant_id: line.variantId, quantity: line.quantity.toString() })))
}
