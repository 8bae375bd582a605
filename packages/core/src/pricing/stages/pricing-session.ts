import { isOnSale, PricingFacts, PricingLineFacts } from '../cart-facts.ts'
import type { CompiledPricing } from '../compile-pricing.ts'
import type { PricingInput, PricingLine } from '../pricing-input.ts'
import type { WorkingCart, WorkingLine } from '../working-cart.ts'
import { type CatalogPrices, catalogPrices } from './catalog-prices.ts'
import { checked } from './checked-amount.ts'
import { type Delivery, findShipping } from './find-shipping.ts'

/** One run of the price function: what it was given, and what all its stages share. */
export interface PricingSession {
  input: PricingInput
  rules: CompiledPricing
  facts: PricingFacts
  prices: CatalogPrices
  /** The cart that is being priced at the moment; trial runs put theirs here. */
  cart: WorkingCart
  /** A cart at list prices without shipping. */
  freshCart(): WorkingCart
  /** The chosen way of sending, for a cart whose goods are discounted already. */
  deliveryOf(cart: WorkingCart): Delivery
}

export function openSession(input: PricingInput, rules: CompiledPricing): PricingSession {
  const sorted = [...input.lines].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  const lineFacts = sorted.map((line) => new PricingLineFacts(line, line.quantity))
  const prices = catalogPrices(sorted, { input, rules })
  const templates = sorted.map((line, index) => toWorkingLine(line, prices.ofLine(line), lineFacts[index]!))
  const freshCart = (): WorkingCart => ({ lines: templates.map(copyLine), shipping: null })
  let listed: bigint | null | undefined
  let usual: Delivery | undefined
  const session: PricingSession = {
    input,
    rules,
    prices,
    cart: freshCart(),
    freshCart,
    deliveryOf(cart) {
      if (rules.shippingAsksWhatIsLeft || cart.lines.length > templates.length) return findShipping(session, cart)
      // It depends on nothing that promotions change.
      usual ??= findShipping(session, cart)
      return { ...usual, chosen: usual.chosen && { ...usual.chosen } }
    },
    facts: new PricingFacts(input, {
      timeZone: rules.document.policy.time_zone,
      lines: lineFacts,
      discountedSubtotal: () => goodsLeft(session.cart),
      shippingAmount() {
        if (listed === undefined) {
          // Conditions of shipping methods that ask for the price of shipping do not find one.
          listed = null
          const current = session.cart
          session.cart = freshCart()
          listed = findShipping(session, session.cart).chosen?.amount ?? null
          session.cart = current
        }
        return listed
      },
    }),
  }
  return session
}

/** What is left of the goods. */
export function goodsLeft(cart: WorkingCart): bigint {
  let sum = 0n
  for (const line of cart.lines) sum += line.remaining
  return sum
}

function toWorkingLine(line: PricingLine, price: { unitPrice: bigint; floor: bigint }, facts: PricingLineFacts): WorkingLine {
  const subtotal = checked(price.unitPrice * line.quantity)
  checked(line.unitPrice * line.quantity)
  return {
    id: line.id,
    kind: 'item',
    goods: line,
    quantity: line.quantity,
    listPrice: line.unitPrice,
    unitPrice: price.unitPrice,
    floor: price.floor,
    subtotal,
    remaining: subtotal,
    runs: [{ count: line.quantity, each: price.unitPrice, used: false }],
    reduced: isOnSale(line),
    facts,
    matches: [],
  }
}

/** What a line matches and what its facts are stays shared; what stages change does not. */
function copyLine(line: WorkingLine): WorkingLine {
  return { ...line, runs: line.runs.map((run) => ({ ...run })) }
}
