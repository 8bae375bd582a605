import { randomUUID } from 'node:crypto'
import { recordEvents } from '@souk/core/events/record-many.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import { ACTOR } from './door.ts'

/** So many events of a merchant, each of a product of its own, in one transaction. */
export async function recordChanges(inMerchant: InMerchant, count: number): Promise<void> {
  const events = Array.from({ length: count }, () => ({
    type: 'product.updated',
    aggregateType: 'product',
    aggregateId: randomUUID(),
    data: { title: 'A thing that was changed', status: 'active' },
  }))
  await inMerchant(async (tx) => void (await recordEvents(tx, events, { actor: ACTOR, now: new Date() })))
}
