import { AMOUNT_MAX } from '../../money.ts'
import { Refusal } from '../../refusal.ts'

/** An amount as it is. Refuses `amount_out_of_range` when no shop can charge it. */
export function checked(amount: bigint): bigint {
  if (amount > AMOUNT_MAX) throw new Refusal('amount_out_of_range', { detail: 'The amount is larger than this shop can charge.' })
  return amount
}

/** What a plugin or staff take off or charge. Refuses `rule_result_invalid` when it is negative: that was not checked at the door. */
export function notNegative(amount: bigint): bigint {
  if (amount < 0n) throw new Refusal('rule_result_invalid', { detail: 'What a plugin or a rule answers must not be negative.' })
  return amount
}
