import type { CartFacts, LineFacts } from '../../rules/fact-values.ts'
import { GUEST } from '../../rules/sample-facts.ts'

/** Facts of a cart for tests of rules: a buyer without an account and an empty cart, unless said otherwise. */
export function cartFacts(facts: Partial<CartFacts> = {}): CartFacts {
  return { ...GUEST, ...facts }
}

export function lineFacts(facts: Partial<LineFacts> = {}): LineFacts {
  return {
    'line.quantity': 1,
    'line.unit_price': 1_000n,
    'line.subtotal': 1_000n,
    'line.weight': 0,
    'line.product_id': '01890a5d-ac96-774b-bcce-b302099a8057',
    'line.variant_id': '01890a5d-ac96-774b-bcce-b302099a8058',
    'line.tags': [],
    'line.collections': [],
    'line.on_sale': false,
    'line.taxable': true,
    'line.requires_shipping': true,
    ...facts,
  }
}
