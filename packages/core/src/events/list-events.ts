import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, asc, eq, gt } from 'drizzle-orm'
import { mine } from '../mine.ts'
import { events } from './tables.ts'

const COLUMNS = {
  id: events.id,
  sequence: events.sequence,
  type: events.type,
  aggregateType: events.aggregateType,
  aggregateId: events.aggregateId,
  data: events.data,
  actor: events.actor,
  occurredAt: events.occurredAt,
}

/**
 * The merchant's events after a sequence number, in order. None is skipped: the counter behind the sequence is locked
 * until its event is committed, so a number that is visible has all smaller ones before it.
 */
export async function listEvents(tx: Tx, page: { after: bigint; limit: number; aggregateId?: string | undefined }) {
  const ofAggregate = page.aggregateId === undefined ? undefined : eq(events.aggregateId, page.aggregateId)
  return tx
    .select(COLUMNS)
    .from(events)
    .where(and(mine(tx, events), gt(events.sequence, page.after), ofAggregate))
    .orderBy(asc(events.sequence))
    .limit(page.limit)
}
