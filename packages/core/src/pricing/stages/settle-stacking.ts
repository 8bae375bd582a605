import type { Candidate } from './candidates.ts'
import type { PricingSession } from './pricing-session.ts'
import { type Effect, runPromotions } from './run-promotions.ts'

/**
 * Decides which of the promotions that may apply do so together, and writes the outcome of the others into them. An exclusive
 * one comes before all others, by priority among its like, if it does anything by itself: without a group nothing applies beside
 * it, with one nothing else of its group. What it could only do beside others it does not do. Of the `best` of a group (none is a group, too) the one that takes off most by itself
 * stays, of equals the first.
 */
export function settleStacking(session: PricingSession, candidates: readonly Candidate[]): Candidate[] {
  let open = candidates.filter((candidate) => candidate.outcome === null)
  const exclusive = Map.groupBy(open.filter(isExclusive), groupOf)
  const sole = firstWithEffect(session, exclusive.get(null) ?? [])
  if (sole) return without(open, 'excluded', sole, () => true)
  for (const [group, rivals] of exclusive) {
    const winner = firstWithEffect(session, rivals)
    if (winner) open = without(open, 'excluded', winner, (other) => groupOf(other) === group)
    else for (const idle of rivals) concludeAlone(session, idle)
  }
  open = open.filter((candidate) => candidate.outcome === null)
  for (const group of new Set(open.filter(isBest).map(groupOf))) {
    const rivals = open.filter((candidate) => isBest(candidate) && groupOf(candidate) === group)
    if (rivals.length < 2) continue
    const winner = best(session, rivals)
    open = without(open, 'beaten', winner, (other) => isBest(other) && groupOf(other) === group)
  }
  return open
}

function isExclusive({ promotion }: Candidate): boolean {
  return promotion.document.stacking.mode === 'exclusive'
}

function isBest({ promotion }: Candidate): boolean {
  return promotion.document.stacking.mode === 'best'
}

function groupOf({ promotion }: Candidate): string | null {
  return promotion.document.stacking.group
}

function without(
  open: readonly Candidate[],
  outcome: 'excluded' | 'beaten',
  winner: Candidate,
  isOut: (other: Candidate) => boolean,
): Candidate[] {
  return open.filter((candidate) => {
    if (candidate === winner || !isOut(candidate)) return true
    candidate.outcome = outcome
    candidate.beatenBy = winner.promotion.document.id
    return false
  })
}

function firstWithEffect(session: PricingSession, candidates: readonly Candidate[]): Candidate | undefined {
  return candidates.find((candidate) => worthAlone(session, candidate) !== null)
}

function best(session: PricingSession, rivals: readonly Candidate[]): Candidate {
  let winner = rivals[0]!
  let most = -1n
  for (const rival of rivals) {
    const worth = worthAlone(session, rival) ?? 0n
    if (worth > most) {
      winner = rival
      most = worth
    }
  }
  return winner
}

/** Writes why a promotion does nothing by itself. */
function concludeAlone(session: PricingSession, candidate: Candidate): void {
  const effect = runPromotions(session, [candidate], () => []).effects.get(candidate)!
  candidate.trace = effect.late ?? candidate.trace
  if (effect.failed) candidate.outcome = 'conditions_failed'
  else candidate.outcome = passesBudget(candidate, effect) ? 'limit_reached' : 'nothing_to_discount'
}

/** What a promotion takes off with no other beside it, gifts at their list price; null for one that does nothing. */
function worthAlone(session: PricingSession, candidate: Candidate): bigint | null {
  const effect = runPromotions(session, [candidate], () => []).effects.get(candidate)!
  if (passesBudget(candidate, effect)) return null
  const gifts = effect.gifts.reduce((sum, line) => sum + line.listPrice * line.quantity, 0n)
  return effect.amount === 0n && effect.gifts.length === 0 ? null : effect.amount + gifts
}

/** Whether a promotion that may not be given in part wants more than is left of its budget. */
export function passesBudget({ promotion, budgetLeft }: Candidate, effect: Effect): boolean {
  return promotion.document.limits.budget_overrun === 'refuse' && budgetLeft !== null && effect.wanted > budgetLeft
}
