import { type CheckedAnswer, checkAnswer } from '../check-answer.ts'
import type { RatesInputV1, RatesOutputV1 } from '../contracts/fulfillment.ts'

export type FulfillmentContract = 'fulfillment@1'
export type RatesInput = RatesInputV1

export interface DeliveryRate {
  code: string
  name: string
  /** Minor units. */
  amount: number
  taxCategory: string | null
  deliveryDays: { min: number; max: number } | null
  pickupPoint: { id: string; name: string; address: string; postcode: string; city: string; country: string } | null
}

/** The input of a major, out of the canonical one. */
export function ratesInputFor(_contract: FulfillmentContract, input: RatesInput): RatesInputV1 {
  return input
}

/** A plugin's rates, checked and in canonical form. */
export function readRates(contract: FulfillmentContract, answer: unknown): CheckedAnswer<DeliveryRate[]> {
  const checked = checkAnswer(contract, 'rates', answer, {}, {})
  if (!checked.ok) return checked
  const { rates } = checked.answer as RatesOutputV1
  return {
    ok: true,
    answer: rates.map(({ code, name, amount, tax_category, delivery_days, pickup_point }) => ({
      code,
      name,
      amount,
      taxCategory: tax_category ?? null,
      deliveryDays: delivery_days ?? null,
      pickupPoint: pickup_point ?? null,
    })),
  }
}
