import { AMOUNT_MAX } from '../../money.ts'
import { Refusal } from '../../refusal.ts'

/** An amount as it is. Refuses `amount_out_of_range` when no shop can charge it. */
export function checked(amount: bigint): bigint {
  if (amount > AMOUNT_MAX) throw new Refusal('amount_out_of_range', { detail: 'The amount is larger than this shop can charge.' })
  return amount
}
