import { isDeepStrictEqual } from 'node:util'
import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { recordEvent } from '../events/record.ts'
import { bumpPricing } from '../merchant/pricing-revision.ts'

/** Who changes something, when, and why in their words; '' if they did not say. */
export interface ByWhom {
  actor: Actor
  now: Date
  reason?: string | undefined
}

export interface Change {
  /** `tax_rate.updated`: of the event and of the entry in the audit log. */
  type: string
  /** `tax_rate`. */
  of: string
  id: string
  before: unknown
  after: unknown
  /** What the event says besides the id. */
  data?: Record<string, unknown>
}

/** What belongs to every change of something that prices depend on: the audit entry, a new pricing revision, the event. */
export function recordChange(tx: Tx, change: Change, by: ByWhom): Query[] {
  const { type, of, id, before, after, data } = change
  return [
    recordAudit(tx, { action: type, targetType: of, targetId: id, before, after, reason: by.reason ?? '', actor: by.actor, now: by.now }),
    bumpPricing(tx),
    recordEvent(tx, { type, aggregateType: of, aggregateId: id, data: { id, ...data }, actor: by.actor, now: by.now }),
  ]
}

/** The names of the fields that differ, in the order of the later one. */
export function changedFields<Row extends object>(before: Row, after: Row): string[] {
  // Not by their text: what was stored as JSON comes back with its members in another order.
  return Object.keys(after).filter((field) => !isDeepStrictEqual(before[field as keyof Row], after[field as keyof Row]))
}
