import type { CartFacts, LineFacts } from '../../rules/fact-values.ts'

/** Facts of a cart for tests of rules: a buyer without an account and an empty cart, unless said otherwise. */
export function cartFacts(facts: Partial<CartFacts> = {}): CartFacts {
  return {
    'cart.subtotal': 0n,
    'cart.discounted_subtotal': 0n,
    'cart.quantity': 0,
    'cart.line_count': 0,
    'cart.weight': 0,
    'cart.skus': [],
    'cart.product_ids': [],
    'cart.variant_ids': [],
    'cart.collections': [],
    'cart.tags': [],
    'cart.vendors': [],
    'cart.product_types': [],
    'customer.known': false,
    'customer.groups': [],
    channel: 'web',
    currency: 'EUR',
    'time.now': '2026-05-04T09:30:00Z',
    'time.date': '2026-05-04',
    'time.weekday': 1,
    'time.hour': 11,
    'time.minute_of_day': 690,
    'coupon.codes': [],
    lines: [],
    ...facts,
  }
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
