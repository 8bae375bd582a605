import { currencyDigits, formatDecimal } from '../money.ts'
import type { PricedLine } from '../pricing/priced-cart.ts'
import type { Answer } from './answer.ts'
import { amountOf, CannotMap, type PricingCase, read } from './pricing-case.ts'
import { type CaseLine, type CaseShop, codeOf, type PricedCase, priceCase, sum } from './shop.ts'
import { cartOf, type SyliusCart } from './sylius-cart.ts'
import { readHistory } from './sylius-history.ts'
import { countryNamed, countryOfZone } from './sylius-places.ts'
import { couponStates, promotionsOf, TODAY } from './sylius-promotions.ts'
import { type SyliusScenario, syliusScenario } from './sylius-schema.ts'
import { dayOf, taxPolicyOf, taxTableOf } from './sylius-taxes.ts'
import { discountedUnitPrice, unitDiscounts } from './unit-discounts.ts'

/** Sylius: scenarios of a buyer who fills a cart. Units before the order, tax after discounts, rounded half up. */
export function answerSyliusCase({ input }: PricingCase): Answer {
  const scenario = read(syliusScenario, input, 'input')
  checkOneShop(scenario)
  const digits = currencyDigits(scenario.currency)
  const history = readHistory(scenario)
  const cart = cartOf(scenario, history, digits)
  const method = methodOf(scenario, cart)
  const home = homeOf(scenario)
  const result = priceCase({
    currency: scenario.currency,
    policy: taxPolicyOf(scenario, { lines: cart.lines, shippingCategory: method?.tax_category ? codeOf(method.tax_category) : null }),
    taxes: taxTableOf(scenario, home),
    shipping: shippingOf(scenario, digits),
    promotions: promotionsOf(scenario, digits),
    lines: cart.lines,
    codes: cart.codes,
    couponStates: couponStates(scenario, history.couponUses),
    customer: customerOf(scenario, history.cancelledOrders),
    country: cart.country === null ? home : countryNamed(cart.country),
    postcode: cart.postcode,
    method: method ? codeOf(method.name) : null,
    asOf: scenario.now === undefined ? TODAY : `${dayOf(scenario.now)}T12:00:00Z`,
  })
  return { asked: { document: result.document, input: result.input }, actual: answer(cart.lines, result, digits) }
}

/** Amounts in another currency and prices of another channel are those of another shop. */
function checkOneShop({ currency, channels, minimum_prices, promotions, catalog_promotions }: SyliusScenario): void {
  const effects = promotions.flatMap((each) => each.effects).flatMap((effect) => (effect.type === 'composite' ? effect.parts : [effect]))
  const foreign = [...effects, ...catalog_promotions].find(({ value }) => 'currency' in value && value.currency !== currency)
  if (foreign) throw new CannotMap('a discount in another currency')
  const elsewhere = minimum_prices.find(({ channel }) => !channels.includes(channel))
  if (elsewhere) throw new CannotMap(`a minimum price of channel ${elsewhere.channel}`)
}

/** Where a buyer without an address is taken to be: in the default zone, or else in the country of the channel. */
function homeOf({ tax, channels }: SyliusScenario): string {
  if (tax.default_zone !== undefined) return countryOfZone(tax.default_zone)
  return countryNamed(channels[0] ?? 'United States')
}

/** The method chosen last; the first there is, where none was chosen. */
function methodOf({ shipping_methods }: SyliusScenario, { method }: SyliusCart): SyliusScenario['shipping_methods'][number] | undefined {
  if (method === null) return shipping_methods[0]
  const chosen = shipping_methods.find(({ name }) => name === method)
  if (!chosen) throw new CannotMap(`shipping method ${method}`)
  return chosen
}

function shippingOf({ shipping_methods }: SyliusScenario, digits: number): NonNullable<CaseShop['shipping']> {
  const zones = [...new Set(shipping_methods.flatMap(({ zone }) => zone ?? []))]
  return {
    zones: zones.map((zone) => ({ id: zone, name: zone, places: [{ country: countryOfZone(zone) }] })),
    methods: shipping_methods.map(({ name, fee, per_unit, zone, tax_category }) => {
      const amount = Number(amountOf(fee, digits))
      return {
        code: codeOf(name),
        name,
        zone_ids: zone === null ? null : [zone],
        tax_category: tax_category === undefined ? null : codeOf(tax_category),
        rate: per_unit ? { type: 'by_quantity', first: amount, additional: amount } : { type: 'flat', amount },
      }
    }),
  }
}

function customerOf({ customer }: SyliusScenario, cancelled: number): CaseShop['customer'] {
  if (!customer?.logged_in) {
    if (customer?.group !== undefined || customer?.previous_orders !== undefined) throw new CannotMap('a guest with a history')
    return null
  }
  return { groups: customer.group === undefined ? [] : [customer.group], ordersCount: (customer.previous_orders ?? 0) - cancelled }
}

function answer(cartLines: readonly CaseLine[], result: PricedCase, digits: number): Record<string, unknown> {
  const { priced, lines } = result
  const { totals } = priced
  const amount = (value: bigint) => formatDecimal(value, digits)
  const ofProducts = <Value>(value: (line: PricedLine, line_: CaseLine) => Value) => byProduct(cartLines, lines, value)
  const [included, added] = totals.taxIncluded ? [totals.tax, 0n] : [0n, totals.tax]
  return {
    empty: lines.length === 0,
    total: amount(totals.total),
    items_total: amount(sum(lines.map(({ subtotal, discount }) => subtotal - discount))),
    order_promotion_total: amount(-(totals.discount - totals.shippingDiscount)),
    shipping_total: amount(priced.shipping?.total ?? 0n),
    estimated_shipping_total: amount(priced.shipping?.total ?? 0n),
    tax_total: amount(totals.tax),
    tax_total_included_in_price: amount(included),
    tax_total_excluded_from_price: amount(added),
    coupon_rejected: priced.coupons.some(({ outcome }) => outcome !== 'applied'),
    applied_promotions: priced.promotions.filter(({ outcome }) => outcome === 'applied').map(({ name }) => name),
    line_totals: ofProducts(({ total }) => amount(total)),
    unit_price: ofProducts(({ listPrice }) => amount(listPrice)),
    original_price: ofProducts(({ listPrice }, { compareAtPrice }) => amount(compareAtPrice ?? listPrice)),
    discounted_unit_price: ofProducts((line) => {
      const price = discountedUnitPrice(line)
      return price === null ? 'differs from piece to piece' : amount(price)
    }),
    unit_or_line_discount: ofProducts((line, { compareAtPrice }) => {
      const off = (compareAtPrice ?? line.listPrice) - line.listPrice
      return amount(off * line.quantity + line.discount)
    }),
    unit_discounts: ofProducts((line, { compareAtPrice }) => {
      const off = (compareAtPrice ?? line.listPrice) - line.listPrice
      return unitDiscounts(line).map((share) => amount(off + share))
    }),
  }
}

/** Scenarios speak of products; a product whose variants lie on several lines has no single number. */
function byProduct<Value>(
  cartLines: readonly CaseLine[],
  lines: readonly PricedLine[],
  value: (line: PricedLine, cartLine: CaseLine) => Value,
): Record<string, Value | string> {
  const named: Record<string, Value | string> = {}
  for (const [index, line] of lines.entries()) {
    const { product, name } = cartLines[index]!
    const key = product ?? name
    named[key] = Object.hasOwn(named, key) ? 'on several lines' : value(line, cartLines[index]!)
  }
  return named
}
