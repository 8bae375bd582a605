import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { divide } from '../money.ts'
import { type Account, clearing, DISPUTE_LOSSES, DISPUTES, PROVIDER_FEES, REFUNDS, SALES, TAX_PAYABLE } from './accounts.ts'
import { type NewJournal, postJournal } from './journal.ts'

type Sender = Pick<Tx, 'merchantId' | 'sql'>

/** What every journal about a payment says. `key` is its own: that of the operation, or of the payment where there is none. */
interface AboutPayment {
  key: string
  orderId: string
  paymentId: string
  currency: string
  /** More than nothing. */
  amount: bigint
  actor: Actor
  now: Date
}

export interface CaptureToBook extends AboutPayment {
  /** Where the money came from: `clearing(provider)`, `storeCredit(customer)`, `giftCard(card)`. */
  from: Account
  /** The order as it was before this capture. */
  order: { total: bigint; taxTotal: bigint; captured: bigint }
}

/** Money was taken for an order, by whatever means: it comes in as sales and as the tax in them. Key: `capture:<id>`. */
export function journalOfCapture(tx: Sender, { from, order, ...about }: CaptureToBook): Query {
  const tax = taxOfCapture(order, about.amount)
  return postJournal(tx, {
    ...headOf('capture', about),
    entries: [
      { account: from, amount: about.amount },
      { account: SALES, amount: tax - about.amount },
      { account: TAX_PAYABLE, amount: -tax },
    ],
  })
}

/**
 * The tax in a part of what an order costs, in proportion. Each mark is rounded by itself, so parts that follow each other have
 * exactly the order's tax in them when all of it is captured.
 */
export function taxOfCapture({ total, taxTotal, captured }: CaptureToBook['order'], amount: bigint): bigint {
  if (total === 0n) return 0n
  const until = (mark: bigint) => divide(taxTotal * (mark < total ? mark : total), total, 'half_up')
  return until(captured + amount) - until(captured)
}

export interface RefundToBook extends Omit<AboutPayment, 'paymentId'> {
  /** Null for a refund to store credit, which is not out of one payment. */
  paymentId: string | null
  /** Where the money went: `clearing(provider)`, `storeCredit(customer)`, `giftCard(card)`. */
  to: Account
  /** The tax in it. */
  tax: bigint
}

/** Money of an order was given back. Key: `refund:<operation>`, or `refund:<refund>:<payment>` where no provider was asked. */
export function journalOfRefund(tx: Sender, { to, tax, ...about }: RefundToBook): Query {
  return postJournal(tx, {
    ...headOf('refund', about),
    entries: [
      { account: REFUNDS, amount: about.amount - tax },
      { account: TAX_PAYABLE, amount: tax },
      { account: to, amount: -about.amount },
    ],
  })
}

export interface DisputeToBook extends AboutPayment {
  provider: string
}

/** The provider keeps the money back until the dispute is decided. Key: `dispute:<dispute>`. */
export function journalOfDisputeOpened(tx: Sender, { provider, ...about }: DisputeToBook): Query {
  return postJournal(tx, { ...headOf('dispute_opened', about), entries: moved(clearing(provider), DISPUTES, about.amount) })
}

/** The money is the merchant's again. Key: `dispute-won:<dispute>`. */
export function journalOfDisputeWon(tx: Sender, { provider, ...about }: DisputeToBook): Query {
  return postJournal(tx, { ...headOf('dispute_won', about), entries: moved(DISPUTES, clearing(provider), about.amount) })
}

/** The money is gone. Key: `dispute-lost:<dispute>`. */
export function journalOfDisputeLost(tx: Sender, about: AboutPayment): Query {
  return postJournal(tx, { ...headOf('dispute_lost', about), entries: moved(DISPUTES, DISPUTE_LOSSES, about.amount) })
}

/** What a provider charges for its service. Key: `fee:<operation>`. */
export function journalOfProviderFee(tx: Sender, { provider, ...about }: DisputeToBook): Query {
  return postJournal(tx, { ...headOf('provider_fee', about), entries: moved(clearing(provider), PROVIDER_FEES, about.amount) })
}

/** An amount out of one account into another. */
function moved(from: Account, to: Account, amount: bigint): NewJournal['entries'] {
  return [
    { account: to, amount },
    { account: from, amount: -amount },
  ]
}

function headOf(kind: NewJournal['kind'], about: Omit<AboutPayment, 'amount' | 'paymentId'> & { paymentId: string | null }) {
  const { key, orderId, paymentId, currency, actor, now } = about
  return { kind, key, orderId, paymentId, currency, actor, now }
}
