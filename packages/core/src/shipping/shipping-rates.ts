import { currencyDigits, formatDecimal } from '../money.ts'
import { type CompiledConditions, compileConditions } from '../rules/compile.ts'
import type { CartFacts } from '../rules/fact-values.ts'
import type { ConditionTrace } from '../rules/trace.ts'
import { type Parcel, rateAmount } from './rate-amount.ts'
import { nearness, type ShippingDestination, type ShippingPlace, shippingPlaceOf } from './shipping-place.ts'
import type { ShippingMethod, ShippingTable } from './shipping-table.ts'

/** A shipping table made ready for many questions. */
export interface CompiledShipping {
  table: ShippingTable
  methods: readonly { method: ShippingMethod; conditions: CompiledConditions<CartFacts> | null }[]
}

/**
 * What shipping is asked for. The subtotal (minor units of the table's currency), grams and quantity are of what has to be sent,
 * as far as the caller wants them to count; a null destination is an address that is not known yet.
 */
export interface ShippingQuestion extends Parcel {
  destination: ShippingDestination | null
  facts: CartFacts
}

export type ShippingOutcome =
  | 'available'
  | 'no_address'
  | 'other_zone'
  | 'below_minimum'
  | 'above_maximum'
  | 'conditions_failed'
  | 'no_rate'

/** Why a method is offered at its price, or is not. */
export interface ShippingTrace {
  outcome: ShippingOutcome
  words: string
  /** What the subtotal lacks for free shipping by this method, in minor units; null where it costs nothing or never will. */
  untilFree: bigint | null
  /** How the conditions came out, where there are any and they were asked. */
  conditions: ConditionTrace | null
}

export interface ShippingOffer {
  code: string
  name: string
  /** Zero for a method that is not offered. */
  amount: bigint
  taxCategory: string | null
  available: boolean
  trace: ShippingTrace
}

/** Compiles a table whose conditions have passed `validateConditions`. */
export function compileShipping(table: ShippingTable): CompiledShipping {
  const methods = table.methods.map((method) => ({
    method,
    conditions: method.conditions && compileConditions(method.conditions, 'cart'),
  }))
  return { table, methods }
}

/** Every method of the table, in its order, with its price or why it is not offered. Pure. */
export function shippingRates(compiled: CompiledShipping, question: ShippingQuestion): ShippingOffer[] {
  const place = question.destination && shippingPlaceOf(question.destination)
  const zones = place && zonesOf(compiled.table, place)
  return compiled.methods.map(({ method, conditions }) => {
    const answer = offer({ method, conditions }, { question, place, zones, currency: compiled.table.currency })
    return { code: method.code, name: method.name, taxCategory: method.tax_category, ...answer }
  })
}

interface Circumstances {
  question: ShippingQuestion
  place: ShippingPlace | null
  zones: ReadonlySet<string> | null
  currency: string
}

type Answer = Pick<ShippingOffer, 'amount' | 'available' | 'trace'>

function offer({ method, conditions }: CompiledShipping['methods'][number], circumstances: Circumstances): Answer {
  const { question, place, zones, currency } = circumstances
  if (method.zone_ids !== null) {
    if (zones === null) return refused('no_address', 'The address is not known yet.')
    if (!method.zone_ids.some((id) => zones.has(id))) return refused('other_zone', `Not offered for ${question.destination!.country}.`)
  }
  const limit = outsideLimits(method, question, currency)
  if (limit) return limit
  const trace = conditions?.trace(question.facts) ?? null
  if (trace && trace.result !== 'held') return refused('conditions_failed', 'Its conditions do not hold.', trace)
  const rate = rateAmount(method.rate, question, place)
  if (rate === undefined)
    return place === null && method.rate.type === 'table'
      ? refused('no_address', 'The address is not known yet.', trace)
      : refused('no_rate', 'There is no rate for this place and parcel.', trace)
  return priced(method, rate, circumstances, trace)
}

function priced(method: ShippingMethod, rate: bigint, { question, currency }: Circumstances, conditions: ConditionTrace | null): Answer {
  const { free_from: from } = method
  const free = from !== null && question.subtotal >= from
  const amount = free ? 0n : rate
  const words = free ? `Free from ${money(BigInt(from), currency)} on.` : `${described(method)}: ${money(amount, currency)}.`
  const untilFree = from === null || amount === 0n ? null : BigInt(from) - question.subtotal
  return { amount, available: true, trace: { outcome: 'available', words, untilFree, conditions } }
}

function outsideLimits(method: ShippingMethod, { subtotal, grams }: Parcel, currency: string): Answer | undefined {
  const { subtotal_min, subtotal_max, grams_min, grams_max } = method
  if (subtotal_min !== null && subtotal < subtotal_min)
    return refused(
      'below_minimum',
      `Offered from ${money(BigInt(subtotal_min), currency)} on: ${money(BigInt(subtotal_min) - subtotal, currency)} are missing.`,
    )
  if (subtotal_max !== null && subtotal > subtotal_max)
    return refused('above_maximum', `Offered up to ${money(BigInt(subtotal_max), currency)}.`)
  if (grams_min !== null && grams < grams_min) return refused('below_minimum', `Offered from ${grams_min} g on; this weighs ${grams} g.`)
  if (grams_max !== null && grams > grams_max) return refused('above_maximum', `Offered up to ${grams_max} g; this weighs ${grams} g.`)
  return undefined
}

/** The zones with the place that says most about the destination: a zone of its postcode hides those of its country. */
function zonesOf(table: ShippingTable, place: ShippingPlace): Set<string> {
  let nearest = 0
  const near = table.zones.map((zone) => {
    const own = zone.places.reduce<number>((best, each) => Math.max(best, nearness(each, place) ?? -1), -1)
    nearest = Math.max(nearest, own)
    return { id: zone.id, own }
  })
  return new Set(near.filter(({ own }) => own === nearest).map(({ id }) => id))
}

const DESCRIPTIONS: Record<ShippingMethod['rate']['type'], string> = {
  flat: 'Flat rate',
  by_weight: 'By weight',
  by_subtotal: 'By order value',
  by_quantity: 'By number of pieces',
  percentage: 'Percentage of the order value',
  table: 'By table',
}

function described(method: ShippingMethod): string {
  return DESCRIPTIONS[method.rate.type]
}

function refused(outcome: ShippingOutcome, words: string, conditions: ConditionTrace | null = null): Answer {
  return { amount: 0n, available: false, trace: { outcome, words, untilFree: null, conditions } }
}

function money(amount: bigint, currency: string): string {
  return `${formatDecimal(amount, currencyDigits(currency))} ${currency}`
}
