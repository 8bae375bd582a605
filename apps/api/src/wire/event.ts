import type { listEvents } from '@souk/core/events/list-events.ts'
import { z } from 'zod'

export const eventSchema = z.strictObject({
  id: z.uuid(),
  sequence: z.int(),
  type: z.string(),
  aggregate_type: z.string(),
  aggregate_id: z.uuid(),
  data: z.record(z.string(), z.unknown()),
  actor: z.record(z.string(), z.unknown()),
  occurred_at: z.iso.datetime(),
})

/** An event as staff read it. */
export function presentEvent(event: Awaited<ReturnType<typeof listEvents>>[number]): z.input<typeof eventSchema> {
  return {
    id: event.id,
    sequence: Number(event.sequence),
    type: event.type,
    aggregate_type: event.aggregateType,
    aggregate_id: event.aggregateId,
    data: event.data,
    actor: { ...event.actor },
    occurred_at: event.occurredAt.toISOString(),
  }
}
