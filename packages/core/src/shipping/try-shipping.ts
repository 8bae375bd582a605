import type { Tx } from '@souk/tenant-router/tx.ts'
import { type FactType, factNamed } from '../rules/fact-catalogue.ts'
import type { CartFacts } from '../rules/fact-values.ts'
import { FieldProblems } from '../taxes/check-place.ts'
import { shippingTableQuery, toShippingTable } from './load-shipping.ts'
import type { Parcel } from './rate-amount.ts'
import type { ShippingDestination } from './shipping-place.ts'
import { compileShipping, type ShippingOffer, shippingRates } from './shipping-rates.ts'

/** A parcel as staff imagine it, at a moment. */
export interface ShippingTrial extends Parcel {
  asOf: Date
  destination: ShippingDestination | null
  /** Facts of scope cart beside those that the parcel and the moment give, for the methods' conditions. */
  facts: Readonly<Record<string, unknown>>
}

interface ShopRow {
  currency: string
  shippingName: string
  shippingAmount: bigint
  timeZone: string
}

/** Which methods the shop would offer, at which price, and why. Writes nothing. Refuses `shipping_invalid` for facts that cannot be. */
export async function tryShipping(tx: Tx, trial: ShippingTrial): Promise<{ currency: string; offers: ShippingOffer[] }> {
  const [shopRows, tableRows] = await Promise.all([
    tx.sql<ShopRow[]>`
      select currency, shipping_name as "shippingName", shipping_amount as "shippingAmount", time_zone as "timeZone"
      from merchant_settings where merchant_id = ${tx.merchantId}`,
    shippingTableQuery(tx),
  ])
  const shop = shopRows[0]!
  requireFacts(trial.facts)
  const facts = { ...givenFacts(trial, shop), ...trial.facts } as CartFacts
  return { currency: shop.currency, offers: shippingRates(compileShipping(toShippingTable(tableRows, shop)), { ...trial, facts }) }
}

/** What is known without being told: sets are empty, and nobody is signed in. */
function givenFacts({ asOf, destination, subtotal, grams, quantity }: ShippingTrial, shop: ShopRow): Partial<CartFacts> {
  const nothing: readonly string[] = []
  return {
    'cart.subtotal': subtotal,
    'cart.discounted_subtotal': subtotal,
    'cart.quantity': Number(quantity),
    'cart.line_count': 0,
    'cart.weight': Number(grams),
    'cart.skus': nothing,
    'cart.product_ids': nothing,
    'cart.variant_ids': nothing,
    'cart.collections': nothing,
    'cart.tags': nothing,
    'cart.vendors': nothing,
    'cart.product_types': nothing,
    'customer.known': false,
    'customer.groups': nothing,
    'coupon.codes': nothing,
    channel: 'web',
    currency: shop.currency,
    'shipping_address.country': destination?.country ?? null,
    'shipping_address.region': destination?.region ?? null,
    'shipping_address.postcode': destination?.postcode ?? null,
    ...clockFacts(asOf, shop.timeZone),
    lines: [],
  }
}

function clockFacts(asOf: Date, timeZone: string): Partial<CartFacts> {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    calendar: 'iso8601',
    dateStyle: 'short',
    timeStyle: 'short',
    hourCycle: 'h23',
  })
  const part = Object.fromEntries(format.formatToParts(asOf).map(({ type, value }) => [type, value]))
  const date = `${part.year}-${part.month}-${part.day}`
  const hour = Number(part.hour)
  return {
    'time.now': asOf.toISOString(),
    'time.date': date,
    // Sunday is 7.
    'time.weekday': new Date(`${date}T00:00:00Z`).getUTCDay() || 7,
    'time.hour': hour,
    'time.minute_of_day': hour * 60 + Number(part.minute),
  }
}

const FITS: Record<Exclude<FactType, 'lines'>, (value: unknown) => boolean> = {
  boolean: (value) => typeof value === 'boolean',
  integer: Number.isSafeInteger,
  amount: Number.isSafeInteger,
  decimal: Number.isSafeInteger,
  text: (value) => typeof value === 'string',
  time: (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
  date: (value) => typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value),
  set: (value) => Array.isArray(value) && value.every((each) => typeof each === 'string'),
}

function requireFacts(facts: ShippingTrial['facts']): void {
  const problems = new FieldProblems()
  for (const [name, value] of Object.entries(facts)) {
    const fact = factNamed(name)
    const pointer = `/facts/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (fact?.scope !== 'cart' || fact.type === 'lines')
      problems.add(pointer, 'fact_unknown', 'There is no such fact of a cart that can be given.')
    else if (value === null ? !fact.nullable : !FITS[fact.type](value))
      problems.add(pointer, 'value_type', `This fact is of the type ${fact.type}.`)
  }
  problems.refuse('shipping_invalid', 'These facts cannot be.')
}
