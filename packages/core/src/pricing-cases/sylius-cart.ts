import { divide } from '../money.ts'
import { amountOf, CannotMap, ppmOf } from './pricing-case.ts'
import { type CaseLine, codeOf } from './shop.ts'
import type { SyliusHistory } from './sylius-history.ts'
import type { SyliusProduct, SyliusScenario, SyliusValue, SyliusVariant } from './sylius-schema.ts'

/** What the steps of a scenario leave in the cart. */
export interface SyliusCart {
  lines: CaseLine[]
  codes: string[]
  country: string | null
  postcode: string | null
  method: string | null
}

/** Goes through what the buyer does. A product without a variant named is its first. */
export function cartOf(scenario: SyliusScenario, history: SyliusHistory, digits: number): SyliusCart {
  const quantities = new Map<string, { product: SyliusProduct; variant: SyliusVariant; quantity: number }>()
  const cart: SyliusCart = { lines: [], codes: [], country: null, postcode: null, method: null }
  for (const step of scenario.actions) {
    // A cart of Sylius's holds one code: another takes its place.
    if (step.op === 'apply_coupon') cart.codes = [step.code]
    else if (step.op === 'select_shipping') cart.method = step.method
    else if (step.op === 'set_address') [cart.country, cart.postcode] = [step.country, step.postcode ?? null]
    else {
      const { product, variant } = find(scenario, history, step)
      const key = JSON.stringify([product.name, variant.name])
      const before = quantities.get(key)?.quantity ?? 0
      if (step.op === 'remove') quantities.delete(key)
      else quantities.set(key, { product, variant, quantity: step.quantity + (step.op === 'add' ? before : 0) })
    }
  }
  cart.lines = [...quantities.values()].map((each) => lineOf(each, scenario, digits))
  return cart
}

function find({ products }: SyliusScenario, history: SyliusHistory, step: { product: string; variant?: string | undefined }) {
  const product = products.find(({ name }) => name === step.product)
  if (!product) throw new CannotMap(`product ${step.product}`)
  const simple = product.price == null ? [] : [{ name: product.name, price: product.price, requires_shipping: true }]
  const variants: SyliusVariant[] = [...simple, ...product.variants, ...history.variants]
  const variant = step.variant === undefined ? variants[0] : variants.find(({ name }) => name === step.variant)
  if (!variant) throw new CannotMap(`variant ${step.variant} of ${step.product}`)
  return { product, variant }
}

function lineOf(
  { product, variant, quantity }: { product: SyliusProduct; variant: SyliusVariant; quantity: number },
  scenario: SyliusScenario,
  digits: number,
): CaseLine {
  const list = amountOf(variant.price, digits)
  const price = cataloguePrice(list, product, variant, scenario, digits)
  const minimum = scenario.minimum_prices.find((each) => each.variant === variant.name)
  const category = variant.tax_category ?? product.tax_category
  return {
    name: variant.name,
    product: product.name,
    unitPrice: price,
    compareAtPrice: price < list ? list : null,
    minimumPrice: minimum ? amountOf(minimum.minimum_price, digits) : null,
    quantity,
    // Without a category nothing is taxed.
    taxCategory: category === undefined ? null : codeOf(category),
    requiresShipping: variant.requires_shipping,
    collections: product.taxons.map(codeOf),
  }
}

/** Catalogue promotions change the price in the catalogue, before there is a cart: ours comes with the list price beside it. */
function cataloguePrice(
  list: bigint,
  product: SyliusProduct,
  variant: SyliusVariant,
  { catalog_promotions }: SyliusScenario,
  digits: number,
): bigint {
  const met = catalog_promotions
    .toSorted((a, b) => (b.priority ?? 0) - (a.priority ?? 0))
    .filter(({ scope }) => {
      if ('product' in scope) return scope.product === product.name
      if ('variant' in scope) return scope.variant === variant.name
      return product.taxons.includes(scope.taxon)
    })
  return met.reduce((price, { value }) => {
    const off = reduction(price, value, digits)
    return off < price ? price - off : 0n
  }, list)
}

function reduction(price: bigint, value: SyliusValue, digits: number): bigint {
  if ('fixed' in value) return amountOf(value.fixed, digits)
  return divide(price * BigInt(ppmOf(value.percent)), 1_000_000n, 'half_up')
}
