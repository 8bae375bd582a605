import { currencyDigits, formatDecimal } from '../../money.ts'
import { explainTrace } from '../../rules/explain.ts'
import type { Candidate } from './candidates.ts'

interface Setting {
  /** What it took off; null where that is not to be said. */
  amount: bigint | null
  gifts: number
  currency: string
  /** Of promotions, by their ids. */
  names: ReadonlyMap<string, string>
}

/** What became of a promotion, in a sentence. */
export function outcomeWords(candidate: Candidate, { amount, gifts, currency, names }: Setting): string {
  const other = `“${names.get(candidate.beatenBy ?? '') ?? 'another promotion'}”`
  switch (candidate.outcome) {
    case 'applied':
      return `${appliedWords(amount, gifts, currency)}${because(candidate, currency)}.`
    case 'conditions_failed':
      return `Its conditions do not hold${because(candidate, currency)}.`
    case 'not_scheduled':
      return 'It does not run at this time.'
    case 'outside_rollout':
      return 'It is not given to this buyer: it reaches only a part of buyers.'
    case 'coupon_missing':
      return 'It needs a code that was not entered.'
    case 'limit_reached':
      return 'It has been used as often, or has cost as much, as it may.'
    case 'beaten':
      return `${other} takes off more, and only one of them applies.`
    case 'excluded':
      return `It does not go together with ${other}.`
    default:
      return 'There is nothing in this cart that it could take off.'
  }
}

function appliedWords(amount: bigint | null, gifts: number, currency: string): string {
  if (amount === null) return 'It applies'
  const gift = gifts > 0 ? `adds ${gifts === 1 ? 'a gift' : `${gifts} gifts`}` : null
  const off = amount > 0n || gifts === 0 ? `takes off ${formatDecimal(amount, currencyDigits(currency))} ${currency}` : null
  return `It ${[off, gift].filter((part) => part !== null).join(' and ')}`
}

function because({ trace }: Candidate, currency: string): string {
  return trace === null ? '' : `: ${explainTrace(trace, currency)}`
}
