import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { TokenKeys } from '../capability.ts'
import type { Cart } from '../cart/cart.ts'
import { giftCardByCode } from '../gift-cards/gift-card.ts'
import { storeCreditOf } from '../gift-cards/store-credit.ts'
import { giftCard, storeCredit } from '../ledger/accounts.ts'
import { holdBalance } from '../ledger/journal.ts'
import type { ManualMethod, Payment } from '../orders/order-payment.ts'
import { assertOffered, type SealedAccount, sealedAccountQuery } from '../payments/accounts.ts'
import { insidePayment, manualPayment } from '../payments/manual.ts'
import type { PaymentWish } from '../payments/payment-wish.ts'
import { resolveMethod } from '../payments/saved-methods.ts'
import { Refusal } from '../refusal.ts'

/** What a buyer says about paying. */
export interface Paying {
  /** By hand; undefined when something else pays. */
  paymentMethod: ManualMethod | undefined
  /** Through a provider. */
  payment?: PaymentWish | undefined
  /** Codes; they pay first, in this order. */
  giftCards?: readonly string[] | undefined
  useStoreCredit?: boolean | undefined
}

export const GIFT_CARDS_MAX = 10

/** Who pays what of a total. */
export interface PaymentPlan {
  /** Out of gift cards and store credit. */
  inside: (Payment & { sourceId: string })[]
  /** By hand. */
  manual: Payment | undefined
  /** Through a provider. */
  outside: { amount: bigint; account: SealedAccount; minutes: number; method: Awaited<ReturnType<typeof resolveMethod>> } | undefined
}

/** What is asked of the database once a provider is named; for the flight that reads the cart. */
export function providerQueries(tx: Pick<Tx, 'merchantId' | 'sql'>, { payment }: Paying): [Query, Query] | [] {
  if (!payment) return []
  return [
    sealedAccountQuery(tx, payment.provider),
    tx.sql`select payment_reservation_minutes as minutes from merchant_settings where merchant_id = ${tx.merchantId}`,
  ]
}

/**
 * Divides a total among what the buyer named: gift cards, store credit, and for the rest the provider or the payment by hand.
 * Balances are looked at here and held when they are spent. Refuses `gift_card_invalid`, `payment_provider_unknown` and
 * `payment_method_unusable`, also when nothing is named for the rest.
 */
export async function planPayment(
  tx: Tx,
  cart: Cart,
  paying: Paying,
  given: { keys: TokenKeys | undefined; answers: readonly unknown[][]; now: Date },
): Promise<PaymentPlan> {
  const { total } = cart.priced.totals
  const inside = await planInside(tx, cart, paying, given)
  const rest = total - inside.reduce((sum, { amount }) => sum + amount, 0n)
  // An order for nothing is paid by hand too: there is nothing to wait for.
  const byHand = rest === 0n && inside.length === 0 ? (paying.paymentMethod ?? 'invoice') : rest > 0n ? paying.paymentMethod : undefined
  if (rest > 0n && (byHand === undefined) === (paying.payment === undefined)) throw nothingNamed(byHand !== undefined)
  if (byHand !== undefined || rest === 0n) return { inside, manual: byHand && manualPayment(byHand, rest, given.now), outside: undefined }
  const [[account] = [], [settings] = []] = given.answers as [SealedAccount[], { minutes: number }[]]
  assertOffered(account)
  const method = await resolveMethod(tx, paying.payment!, { provider: account.provider, customerId: cart.customerId })
  return { inside, manual: undefined, outside: { amount: rest, account, minutes: settings!.minutes, method } }
}

/** Locks the balances that are about to be spent, in the order of their accounts. They come before the merchant's counter. */
export async function holdInside(tx: Tx, { inside }: PaymentPlan, currency: string): Promise<void> {
  const accounts = inside.map(({ provider, sourceId }) => (provider === 'gift_card' ? giftCard(sourceId) : storeCredit(sourceId)))
  for (const account of accounts.sort((a, b) => (a.code < b.code ? -1 : 1))) await holdBalance(tx, account, currency)
}

async function planInside(
  tx: Tx,
  cart: Cart,
  { giftCards = [], useStoreCredit = false }: Paying,
  { keys, now }: { keys: TokenKeys | undefined; now: Date },
): Promise<PaymentPlan['inside']> {
  const plan: PaymentPlan['inside'] = []
  let rest = cart.priced.totals.total
  const pay = (provider: 'gift_card' | 'store_credit', sourceId: string, balance: bigint) => {
    const amount = balance < rest ? balance : rest
    if (amount <= 0n || plan.some((payment) => payment.sourceId === sourceId)) return
    plan.push(insidePayment(provider, { sourceId, amount, now }))
    rest -= amount
  }
  for (const [index, code] of giftCards.entries()) {
    const card = await giftCardByCode(tx, keys!, code, now)
    if (card.currency !== cart.currency)
      throw new Refusal('gift_card_invalid', {
        detail: `The gift card is worth ${card.currency}.`,
        errors: [{ pointer: `/gift_cards/${index}`, code: 'currency_mismatch' }],
      })
    pay('gift_card', card.id, card.balance)
  }
  if (useStoreCredit && cart.customerId !== null) {
    const credits = await storeCreditOf(tx, cart.customerId)
    pay('store_credit', cart.customerId, credits.find(({ currency }) => currency === cart.currency)?.amount ?? 0n)
  }
  return plan
}

function nothingNamed(both: boolean): Refusal {
  const detail = both ? 'The order is paid by hand or through a provider, not both.' : 'Nothing is named that pays the order.'
  return new Refusal('payment_method_unusable', { detail, errors: [{ pointer: '/payment', code: both ? 'ambiguous' : 'required' }] })
}
