import { CARD_TOKENS, type TokenManners } from './card-tokens.ts'
import type { Account, Entry, Payment, PaymentState, PaymentStatus, SavedMethod } from './entries.ts'
import { newId, newSecret } from './ids.ts'
import { BadRequest } from './refuse.ts'
import type { Fault } from './scripts.ts'
import type { State } from './state.ts'

export interface AuthorizeAsk {
  payment_id: string
  order_number: string | null
  amount: number
  currency: string
  capture: 'now' | 'later'
  token: string | null
  saved_method: string | null
  off_session: boolean
  save_method: boolean
  customer: string | null
  return_url: string | null
}

export const AUTHORIZATION_DAYS = 7
const DISPUTE_DAYS = 14
const DAY_MS = 86_400_000

/** What a new payment comes to. Throws where the request itself makes no sense. */
export function chargeNew(state: State, account: Account, ask: AuthorizeAsk, faults: readonly Fault[], now: Date): Entry[] {
  if (state.paymentOf(account.id, ask.payment_id))
    throw new BadRequest(409, 'payment_exists', 'There is a payment with that payment_id, made with another idempotency key.')
  const { token, card, saved, unusable } = methodOf(state, account, ask)
  const manners = CARD_TOKENS[token]!
  const fault = <Kind extends Fault['kind']>(kind: Kind) => faults.find((one): one is Extract<Fault, { kind: Kind }> => one.kind === kind)
  const late = fault('settle_late')
  const settlesAfter = late?.ms ?? manners.settlesAfterMs
  const buyerNeeded = manners.action === true || manners.buyerNeeded === true || fault('require_action') !== undefined
  const showsPage = (manners.action === true && saved === null) || fault('require_action') !== undefined
  const decline = fault('decline')?.code ?? unusable ?? (ask.off_session && buyerNeeded ? 'authentication_required' : undefined)
  const payment: Payment = {
    id: newId('pay'),
    account: account.id,
    paymentId: ask.payment_id,
    orderNumber: ask.order_number,
    amount: ask.amount,
    currency: ask.currency,
    capture: ask.capture,
    token,
    card,
    customer: ask.customer,
    savedMethod: saved?.id ?? null,
    saves: ask.save_method && saved === null ? newId('method') : null,
    action: decline === undefined && showsPage ? newSecret('act') : null,
    returnUrl: ask.return_url,
    settles: settlesAfter === undefined ? null : { at: now.getTime() + settlesAfter, decline: late?.decline ?? manners.decline ?? null },
    createdAt: now.getTime(),
    expiresAt: now.getTime() + AUTHORIZATION_DAYS * DAY_MS,
  }
  const made = (status: PaymentStatus): Entry => ({ type: 'payment_made', payment, status })
  if (decline !== undefined) return [made('declined'), declined(payment, decline)]
  if (payment.action !== null) return [made('requires_action')]
  if (payment.settles !== null) return [made('processing')]
  if (manners.decline !== undefined) return [made('declined'), declined(payment, manners.decline)]
  return [made('authorized'), ...succeed(payment, now)]
}

/** The buyer has answered on the page. Nothing happens when the payment no longer waits for it. */
export function answerAction(payment: PaymentState, approved: boolean, now: Date): Entry[] {
  if (payment.status !== 'requires_action') return []
  if (!approved) return [declined(payment, 'authentication_failed')]
  const { decline } = CARD_TOKENS[payment.token]!
  return decline === undefined ? succeed(payment, now) : [declined(payment, decline)]
}

/** What a payment in process comes to. */
export function settleLate(payment: PaymentState, now: Date): Entry[] {
  if (payment.status !== 'processing') return []
  const code = payment.settles?.decline ?? null
  return code === null ? succeed(payment, now) : [declined(payment, code)]
}

export function openDispute(payment: PaymentState, amount: number, reason: string, now: Date): Entry {
  const dueBy = new Date(now.getTime() + DISPUTE_DAYS * DAY_MS).toISOString()
  return {
    type: 'dispute_opened',
    dispute: { id: newId('dispute'), account: payment.account, payment: payment.id, amount, reason, dueBy, status: 'open' },
  }
}

interface Method {
  token: string
  card: Payment['card']
  saved: SavedMethod | null
  /** Why a saved method cannot be charged any more. */
  unusable: 'method_unavailable' | 'expired_card' | undefined
}

function methodOf(state: State, account: Account, ask: AuthorizeAsk): Method {
  if ((ask.token === null) === (ask.saved_method === null))
    throw new BadRequest(400, 'invalid_request', 'Exactly one of token and saved_method is needed.')
  if (ask.token !== null) {
    if (!Object.hasOwn(CARD_TOKENS, ask.token)) throw new BadRequest(400, 'invalid_request', `There is no token ${ask.token}.`)
    return { token: ask.token, card: CARD_TOKENS[ask.token]!.card, saved: null, unusable: undefined }
  }
  const method = state.methods.get(ask.saved_method!)
  if (method === undefined || method.account !== account.id || method.customer !== ask.customer)
    throw new BadRequest(400, 'invalid_request', 'There is no such saved method of that customer.')
  const unusable = { usable: undefined, expired: 'expired_card', removed: 'method_unavailable' } as const
  return { token: method.token, card: method.card, saved: method, unusable: unusable[method.state] }
}

function declined(payment: Payment, code: string): Entry {
  return { type: 'payment_declined', payment: payment.id, code }
}

function succeed(payment: Payment, now: Date): Entry[] {
  const manners: TokenManners = CARD_TOKENS[payment.token]!
  const entries: Entry[] = [{ type: 'payment_authorized', payment: payment.id, amount: payment.amount }]
  if (payment.capture === 'now') entries.push({ type: 'payment_captured', payment: payment.id, amount: payment.amount, key: null })
  if (payment.saves !== null && payment.customer !== null) entries.push(saveMethod(payment, manners))
  if (manners.disputed === true && payment.capture === 'now')
    entries.push(openDispute(payment as PaymentState, payment.amount, 'fraudulent', now))
  return entries
}

function saveMethod(payment: Payment, manners: TokenManners): Entry {
  return {
    type: 'method_saved',
    method: {
      id: payment.saves!,
      account: payment.account,
      customer: payment.customer!,
      token: payment.token,
      card: payment.card,
      state: manners.savedExpired === true ? 'expired' : 'usable',
    },
  }
}
