import type { ShippingMethod, ShippingTable } from './shipping-table.ts'

/** A shipping table made ready for many questions. */
export interface CompiledShipping {
  table: ShippingTable
  methods: readonly ShippingMethod[]
}

/** What shipping is asked for. Subtotal in minor units of the table's currency; quantity in pieces; null: the address is not known. */
export interface ShippingQuestion {
  destination: { country: string; region: string | null; postcode: string | null } | null
  /** Facts of scope cart, for the methods' conditions. */
  facts: object
  subtotal: bigint
  grams: bigint
  quantity: bigint
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
  /** What is missing to free shipping by this method, in minor units; null where there is no such thing. */
  untilFree: bigint | null
  /** The trace of the conditions, where there are any and they were reached. */
  conditions: unknown
}

export interface ShippingOffer {
  code: string
  name: string
  amount: bigint
  taxCategory: string | null
  available: boolean
  trace: ShippingTrace
}

export function compileShipping(table: ShippingTable): CompiledShipping {
  return { table, methods: table.methods }
}

/** Every method of the table, in its order, with its price or why it is not offered. Pure. */
export function shippingRates(compiled: CompiledShipping, _question: ShippingQuestion): ShippingOffer[] {
  return compiled.methods.map((method) => ({
    code: method.code,
    name: method.name,
    amount: method.rate.type === 'flat' ? BigInt(method.rate.amount) : 0n,
    taxCategory: method.tax_category,
    available: true,
    trace: { outcome: 'available', words: '', untilFree: null, conditions: null },
  }))
}
