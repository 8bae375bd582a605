import { type AskedInput, type CheckedAnswer, checkAnswer } from '../check-answer.ts'
import type { TaxesDueV1, TaxInputV1, TaxOutputV1 } from '../contracts/tax.ts'
import { ppmOf } from './percent.ts'

export type TaxContract = 'tax@1'
export type TaxInput = TaxInputV1

/** A tax on a line: a rate that the shop applies, in parts per million, or an amount that it takes as it is. */
export type TaxDue = { name: string; ratePpm: number } | { name: string; amount: number }

export interface Taxes {
  /** By line id; every line of the input is there. */
  lines: Record<string, TaxDue[]>
  /** Null: the merchant's own table says. */
  shipping: TaxDue[] | null
  note: string | null
}

/** The input of a major, out of the canonical one. */
export function taxInputFor(_contract: TaxContract, input: TaxInput): TaxInputV1 {
  return input
}

/** A plugin's answer, checked and in canonical form. */
export function readTaxes(contract: TaxContract, answer: unknown, input: TaxInput): CheckedAnswer<Taxes> {
  const checked = checkAnswer(contract, 'run', answer, input as AskedInput, {})
  if (!checked.ok) return checked
  const { lines, shipping, note } = checked.answer as TaxOutputV1
  return {
    ok: true,
    answer: {
      lines: Object.fromEntries(lines.map(({ line_id, due }) => [line_id, dueOf(due)])),
      shipping: shipping && dueOf(shipping),
      note,
    },
  }
}

function dueOf(due: TaxesDueV1): TaxDue[] {
  return 'rates' in due ? due.rates.map(({ name, rate }) => ({ name, ratePpm: ppmOf(rate) })) : due.taxes
}
