import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { type Account, giftCard, storeCredit } from '../ledger/accounts.ts'
import { holdBalance, reverseJournal } from '../ledger/journal.ts'
import { type CaptureToBook, journalOfCapture } from '../ledger/journals-of-payments.ts'
import { Refusal } from '../refusal.ts'
import { giftCardById } from './gift-card.ts'

/** A payment of an order out of an account, settled by being booked: `order` is the order as it was before. */
export type Spending = Omit<CaptureToBook, 'key' | 'from'>

/** Pays with a gift card. Refuses `insufficient_credit`, and `gift_card_invalid` for a card that was disabled or has expired. */
export async function spendGiftCard(tx: Tx, { giftCardId, ...spending }: Spending & { giftCardId: string }): Promise<void> {
  await spend(tx, giftCard(giftCardId), spending)
  // Read once the balance is held: whoever disables a card sees it spent before, or it is not spent.
  const { status } = await giftCardById(tx, giftCardId, spending.now)
  if (status !== 'active') throw new Refusal('gift_card_invalid', { detail: `The gift card is ${status}.` })
}

/** Pays with a customer's store credit. Refuses `insufficient_credit`. */
export async function spendStoreCredit(tx: Tx, { customerId, ...spending }: Spending & { customerId: string }): Promise<void> {
  await spend(tx, storeCredit(customerId), spending)
}

async function spend(tx: Tx, from: Account, spending: Spending): Promise<void> {
  if ((await holdBalance(tx, from, spending.currency)) < spending.amount)
    throw new Refusal('insufficient_credit', { detail: 'There is not as much left.' })
  await journalOfCapture(tx, { ...spending, from, key: spendingKey(spending.paymentId) })
}

/**
 * Gives back what a payment took, for an order that never became firm. Once, however often it is asked; of a payment that took
 * nothing, nothing. An order that is firm is refunded instead.
 */
export async function giveBack(tx: Tx, { paymentId, actor, now }: { paymentId: string; actor: Actor; now: Date }): Promise<void> {
  await reverseJournal(tx, { key: spendingKey(paymentId), actor, now })
}

function spendingKey(paymentId: string): string {
  return `capture:${paymentId}`
}
