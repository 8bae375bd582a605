import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import type { HeldOrder } from '../orders/hold-order.ts'
import { isPaid, openFulfillments } from './open-fulfillments.ts'
import { advanceFulfillment } from './ship-fulfillment.ts'

/**
 * Fulfils what of a held order needs no sending, once the order is paid: it is picked, packed, sent and delivered in the caller's
 * transaction, with the events of each step. Repeating it does nothing. Refuses what sending refuses, as goods that are sold but not there.
 */
export async function fulfilUnsent(tx: Tx, held: HeldOrder, unsent: ReadonlySet<string>, by: { actor: Actor; now: Date }): Promise<void> {
  if (unsent.size === 0 || !isPaid(held.state)) return
  const { fulfillments } = await openFulfillments(tx, held, by, unsent)
  for (const fulfillment of fulfillments) await advanceFulfillment(tx, { held, fulfillment }, 'delivered', by)
}
