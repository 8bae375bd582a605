import { divideHalfUp } from '../money.ts'
import { nearness, type ShippingPlace } from './shipping-place.ts'
import type { ShippingRateRule, ShippingTableRow } from './shipping-table.ts'

/** What a price is computed from: minor units, grams, pieces. */
export interface Parcel {
  subtotal: bigint
  grams: bigint
  quantity: bigint
}

/** The price of a rate for a parcel; undefined where the rate has none for it. `place` null: the address is not known. */
export function rateAmount(rate: ShippingRateRule, parcel: Parcel, place: ShippingPlace | null): bigint | undefined {
  switch (rate.type) {
    case 'flat':
      return BigInt(rate.amount)
    case 'by_weight':
      return byWeight(rate, parcel.grams)
    case 'by_subtotal':
      return amountOf(rate.steps.filter(({ from }) => parcel.subtotal >= from).reduce(higher, undefined))
    case 'by_quantity':
      return byQuantity(rate, parcel.quantity)
    case 'percentage':
      return percentage(rate, parcel.subtotal)
    case 'table':
      return place === null ? undefined : fromTable(rate, parcel, place)
  }
}

function byWeight({ steps, beyond }: Extract<ShippingRateRule, { type: 'by_weight' }>, grams: bigint): bigint | undefined {
  const reached = steps.filter(({ from_grams }) => grams >= from_grams).map(({ from_grams, amount }) => ({ from: from_grams, amount }))
  const step = reached.reduce(higher, undefined)
  if (!step) return undefined
  if (!beyond || reached.length < steps.length) return BigInt(step.amount)
  const begun = (grams - BigInt(step.from) + BigInt(beyond.each_grams) - 1n) / BigInt(beyond.each_grams)
  return BigInt(step.amount) + begun * BigInt(beyond.amount)
}

function byQuantity(rate: Extract<ShippingRateRule, { type: 'by_quantity' }>, quantity: bigint): bigint {
  const charged = rate.quantity_max !== null && quantity > rate.quantity_max ? BigInt(rate.quantity_max) : quantity
  if (charged < 1n) return 0n
  const parcels = rate.per_parcel === null ? 1n : (charged - 1n) / BigInt(rate.per_parcel) + 1n
  return parcels * BigInt(rate.first) + (charged - parcels) * BigInt(rate.additional)
}

function percentage(rate: Extract<ShippingRateRule, { type: 'percentage' }>, subtotal: bigint): bigint {
  const amount = divideHalfUp(subtotal * BigInt(rate.rate_ppm), 1_000_000n)
  if (rate.amount_min !== null && amount < rate.amount_min) return BigInt(rate.amount_min)
  return rate.amount_max !== null && amount > rate.amount_max ? BigInt(rate.amount_max) : amount
}

/** The row of the nearest place, and of those with the highest `from` that is reached. */
function fromTable(rate: Extract<ShippingRateRule, { type: 'table' }>, parcel: Parcel, place: ShippingPlace): bigint | undefined {
  const measure = { weight: parcel.grams, subtotal: parcel.subtotal, quantity: parcel.quantity }[rate.by]
  let best: { row: ShippingTableRow; near: number } | undefined
  for (const row of rate.rows) {
    if (measure < row.from) continue
    const near = nearness({ ...row, postcode_from: row.postcode, postcode_to: row.postcode }, place)
    if (near === undefined) continue
    // Of two beginnings of a postcode the longer one says more.
    const said = near * 100 + (row.postcode?.length ?? 0)
    if (!best || said > best.near || (said === best.near && row.from > best.row.from)) best = { row, near: said }
  }
  return best && BigInt(best.row.amount)
}

interface Step {
  from: number
  amount: number
}

function higher(best: Step | undefined, step: Step): Step {
  return best && best.from > step.from ? best : step
}

function amountOf(step: Step | undefined): bigint | undefined {
  return step && BigInt(step.amount)
}
