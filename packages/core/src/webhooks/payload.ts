import type { Actor } from '../actor.ts'

/** The forms an event has been sent in, oldest first. One that was released is never changed: a new one is added. */
export const PAYLOAD_VERSIONS = ['2026-11-01'] as const

export type PayloadVersion = (typeof PAYLOAD_VERSIONS)[number]

export const NEWEST_PAYLOAD_VERSION: PayloadVersion = PAYLOAD_VERSIONS.at(-1)!

/** An event with more is sent without its data; `GET /v1/admin/events` has it. */
export const PAYLOAD_BYTES_MAX = 256 * 1024

export interface SentEvent {
  id: string
  sequence: bigint
  type: string
  aggregateType: string
  aggregateId: string
  data: Record<string, unknown>
  actor: Actor
  occurredAt: Date
}

const RENDERERS: Record<PayloadVersion, (event: SentEvent, data: unknown) => object> = {
  '2026-11-01': (event, data) => ({
    type: event.type,
    timestamp: event.occurredAt.toISOString(),
    id: event.id,
    sequence: Number(event.sequence),
    subject: { type: event.aggregateType, id: event.aggregateId },
    actor: event.actor,
    data,
  }),
}

/**
 * The body that is sent for an event in one version. Made from the log alone, where nothing changes: the same bytes at every
 * attempt, by every worker.
 */
export function renderPayload(version: string, event: SentEvent): string {
  const render = RENDERERS[version as PayloadVersion]
  if (!render) throw new Error(`there is no payload version ${version}`)
  const whole = JSON.stringify(render(event, event.data))
  return Buffer.byteLength(whole) <= PAYLOAD_BYTES_MAX ? whole : JSON.stringify({ ...render(event, null), data_omitted: true })
}
