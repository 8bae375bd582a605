import { smaller } from '../pricing/smaller.ts'
import type { OrderState } from './order-state.ts'

type Sums = Pick<OrderState, 'total' | 'authorized' | 'captured' | 'refunded' | 'repaid'>

/**
 * What of an order is neither paid nor authorized, in minor units. What was given back to the buyer for good is not asked for again;
 * what an edit had made too much, and was given back for that, is. `onItsWay`: such refunds that are asked for and not done.
 */
export function outstandingOf({ total, authorized, repaid }: Pick<Sums, 'total' | 'authorized' | 'repaid'>, onItsWay = 0n): bigint {
  return atLeastNothing(total + repaid + onItsWay - authorized)
}

/** What was taken of an order beyond its total, and has not gone back for that. Never more than is left of it. */
export function excessOf({ total, captured, refunded, repaid }: Sums, onItsWay = 0n): bigint {
  return atLeastNothing(smaller(captured - repaid - onItsWay - total, captured - refunded - onItsWay))
}

function atLeastNothing(amount: bigint): bigint {
  return amount > 0n ? amount : 0n
}
