import { expect, it } from 'vitest'
import { NEWEST_PAYLOAD_VERSION, PAYLOAD_BYTES_MAX, PAYLOAD_VERSIONS, renderPayload, type SentEvent } from './payload.ts'

const EVENT: SentEvent = {
  id: '01a1ff20-5533-724e-af1a-91816843819d',
  sequence: 42n,
  type: 'payment.captured',
  aggregateType: 'order',
  aggregateId: '01a1ff20-562e-7adc-9c81-759c9fe72c03',
  data: { order_id: '01a1ff20-562e-7adc-9c81-759c9fe72c03', payment_id: '01a1ff1e-b616-7f7b-a197-5b219e87c74f', amount: 4990 },
  actor: { kind: 'staff', id: '01a1ff1e-b63d-79ce-a55d-edc59147e65d' },
  occurredAt: new Date('2026-11-21T17:30:00.250Z'),
}

/** The bytes of each version that was released. They are in receivers' hands: a line here is never changed. */
const RELEASED: Record<(typeof PAYLOAD_VERSIONS)[number], string> = {
  '2026-11-01':
    '{"type":"payment.captured","timestamp":"2026-11-21T17:30:00.250Z","id":"01a1ff20-5533-724e-af1a-91816843819d","sequence":42,"subject":{"type":"order","id":"01a1ff20-562e-7adc-9c81-759c9fe72c03"},"actor":{"kind":"staff","id":"01a1ff1e-b63d-79ce-a55d-edc59147e65d"},"data":{"order_id":"01a1ff20-562e-7adc-9c81-759c9fe72c03","payment_id":"01a1ff1e-b616-7f7b-a197-5b219e87c74f","amount":4990}}',
}

it.each(PAYLOAD_VERSIONS)('version %s is what it was when it was released, byte for byte', (version) => {
  expect(renderPayload(version, EVENT)).toBe(RELEASED[version])
})

it('leaves out data that is too large for a message, and says so', () => {
  const large = { ...EVENT, data: { text: 'x'.repeat(PAYLOAD_BYTES_MAX) } }
  const sent = JSON.parse(renderPayload(NEWEST_PAYLOAD_VERSION, large))
  expect(sent).toMatchObject({ type: 'payment.captured', sequence: 42, data: null, data_omitted: true })
})

it('knows no other version', () => {
  expect(() => renderPayload('2020-01-01', EVENT)).toThrow('no payload version')
})
