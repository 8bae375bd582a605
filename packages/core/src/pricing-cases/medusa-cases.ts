import type { Answer } from './answer.ts'
import { answerMedusaActions } from './medusa-actions.ts'
import { answerMedusaTotals } from './medusa-totals.ts'
import type { PricingCase } from './pricing-case.ts'

/** Medusa: what promotions take off items and shipping methods, and the totals of carts. */
export function answerMedusaCase({ input, expected }: PricingCase): Answer {
  return 'cart' in input ? answerMedusaTotals(input) : answerMedusaActions(input, expected)
}
