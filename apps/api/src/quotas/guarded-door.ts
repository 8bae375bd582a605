import { AsyncLocalStorage } from 'node:async_hooks'
import type { WorkClass } from '@souk/platform/plans/limits.ts'
import { timedDoor } from '@souk/platform/plans/timed-door.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import { Problem } from '../errors.ts'
import { BulkheadFull } from './bulkhead.ts'
import type { Bulkheads, Passage } from './bulkheads.ts'

export interface GuardOptions {
  bulkheads: Bulkheads
  /** Throws when this class of work has to give way to others at the cell. */
  assertRoom: (cell: string, workClass: WorkClass) => void
  onDatabaseTime: (merchantId: string, ms: number) => void
  onRefused: (merchantId: string) => void
}

/** How far a request is: once it was let in, it is let in again until it is finished. */
export const progress = new AsyncLocalStorage<{ begun: boolean }>()

const RETRY_AFTER_S = 1

/**
 * The same door with a bulkhead in front: for each transaction a place of the merchant's, held no longer than the connection. What
 * is waited for outside of transactions, a provider or a buyer's slow upload, holds none.
 */
export function guardedDoor(inMerchant: InMerchant, workClass: WorkClass, options: GuardOptions): InMerchant {
  const { merchant } = inMerchant
  const inside = timedDoor(inMerchant, options.onDatabaseTime)
  const through = async <T>(passage: Passage, use: () => Promise<T>): Promise<T> => {
    const request = progress.getStore()
    await enter(merchant, workClass, passage, request?.begun ?? false, options)
    if (request) request.begun = true
    try {
      return await use()
    } finally {
      options.bulkheads.leave(merchant.id, workClass, passage)
    }
  }
  return Object.assign(<T>(work: (tx: Tx) => Promise<T>) => through('transaction', () => inside(work)), {
    merchant,
    isAboutToMove: () => inside.isAboutToMove(),
    read: <T>(work: (tx: Tx) => Promise<T>) => through('transaction', () => inside.read(work)),
    readStale: <T>(work: (tx: Tx) => Promise<T>) => through('transaction', () => inside.readStale(work)),
    readOnce: (work: Parameters<InMerchant['readOnce']>[0]) => through('transaction', () => inside.readOnce(work)),
    readOne: (statement: Parameters<InMerchant['readOne']>[0]) => through('statement', () => inside.readOne(statement)),
  })
}

async function enter(
  merchant: InMerchant['merchant'],
  workClass: WorkClass,
  passage: Passage,
  begun: boolean,
  { bulkheads, assertRoom, onRefused }: GuardOptions,
): Promise<void> {
  if (!begun) assertRoom(merchant.cell, workClass)
  try {
    await bulkheads.enter(merchant.id, workClass, passage, begun)
  } catch (error) {
    if (!(error instanceof BulkheadFull)) throw error
    onRefused(merchant.id)
    const { places } = bulkheads.limits(merchant.id, workClass, passage)
    throw new Problem('quota_exceeded', {
      detail: `The merchant's plan lets ${places} of these be worked on at once, and as many wait as may.`,
      headers: {
        'ratelimit-policy': `"${workClass}";q=${places};qu="concurrent-requests"`,
        ratelimit: `"${workClass}";r=0;t=${RETRY_AFTER_S}`,
        'retry-after': String(RETRY_AFTER_S),
      },
    })
  }
}
