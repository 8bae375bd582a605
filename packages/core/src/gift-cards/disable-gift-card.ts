import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { recordEvent } from '../events/record.ts'
import { type GiftCard, giftCardById, noCard } from './gift-card.ts'

/**
 * Takes a card out of use: it pays nothing any more. What is on it stays on it, and what is refunded to it still arrives. A
 * card that is disabled already is answered as it is. Refuses `not_found`.
 */
export async function disableGiftCard(
  tx: Tx,
  giftCardId: string,
  { actor, now, reason }: { actor: Actor; now: Date; reason: string },
): Promise<GiftCard> {
  const [held] = await tx.sql<{ status: 'active' | 'disabled' }[]>`
    select status from gift_card where merchant_id = ${tx.merchantId} and id = ${giftCardId} for no key update`
  if (!held) throw noCard()
  if (held.status === 'active') {
    await Promise.all([
      tx.sql`
        update gift_card set status = 'disabled', disabled_at = ${now} where merchant_id = ${tx.merchantId} and id = ${giftCardId}`,
      recordAudit(tx, {
        action: 'gift_card.disabled',
        targetType: 'gift_card',
        targetId: giftCardId,
        before: { status: 'active' },
        after: { status: 'disabled' },
        reason,
        actor,
        now,
      }),
      recordEvent(tx, {
        type: 'gift_card.disabled',
        aggregateType: 'gift_card',
        aggregateId: giftCardId,
        data: { gift_card_id: giftCardId },
        actor,
        now,
      }),
    ])
  }
  return giftCardById(tx, giftCardId, now)
}
