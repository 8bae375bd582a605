import type { z } from 'zod'
import type { Account, OperationKind, PaymentState } from './entries.ts'
import { sha256 } from './ids.ts'
import { capture, type Decided, refund, voidPayment } from './operations.ts'
import type { Effect, Psp, Reply } from './psp.ts'
import { read } from './read-body.ts'
import { BadRequest } from './refuse.ts'
import type { CallKind, Fault } from './scripts.ts'
import {
  authorizeBody,
  callbackBody,
  captureBody,
  emptyBody,
  periodQuery,
  presentAccount,
  presentDispute,
  presentMovements,
  presentOperation,
  refundBody,
} from './wire.ts'

// What a merchant's server may ask, with its API key.

export interface MerchantRequest {
  psp: Psp
  account: Account
  /** What the pattern caught. */
  id: string
  query: URLSearchParams
  key: string | undefined
  body: unknown
  faults: readonly Fault[]
}

export interface MerchantCall {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  path: RegExp
  /** Scripts may interfere. */
  kind?: CallKind
  answer(request: MerchantRequest): Reply
}

export const MERCHANT_CALLS: readonly MerchantCall[] = [
  { method: 'POST', path: /^\/v1\/payments$/, kind: 'authorize', answer: authorize },
  { method: 'GET', path: /^\/v1\/payments$/, kind: 'lookup', answer: findPayment },
  { method: 'GET', path: /^\/v1\/payments\/([\w-]+)$/, kind: 'lookup', answer: (request) => show(request, paymentOf(request)) },
  { method: 'POST', path: /^\/v1\/payments\/([\w-]+)\/captures$/, kind: 'capture', answer: (request) => operate(request, 'capture') },
  { method: 'POST', path: /^\/v1\/payments\/([\w-]+)\/void$/, kind: 'void', answer: (request) => operate(request, 'void') },
  { method: 'POST', path: /^\/v1\/payments\/([\w-]+)\/refunds$/, kind: 'refund', answer: (request) => operate(request, 'refund') },
  { method: 'GET', path: /^\/v1\/operations\/([\w.:-]+)$/, kind: 'lookup', answer: findOperation },
  { method: 'GET', path: /^\/v1\/disputes\/([\w-]+)$/, kind: 'lookup', answer: findDispute },
  { method: 'GET', path: /^\/v1\/saved-methods$/, answer: listMethods },
  { method: 'DELETE', path: /^\/v1\/saved-methods\/([\w-]+)$/, answer: removeMethod },
  { method: 'GET', path: /^\/v1\/movements$/, kind: 'lookup', answer: listMovements },
  { method: 'GET', path: /^\/v1\/account$/, answer: ({ account }) => ({ status: 200, body: presentAccount(account) }) },
  { method: 'PUT', path: /^\/v1\/account\/callback$/, answer: setCallback },
]

function authorize({ psp, account, key, body, faults }: MerchantRequest): Reply {
  const ask = read(authorizeBody, body)
  if (ask.save_method && ask.customer === null) throw new BadRequest(400, 'invalid_request', 'A method is saved for a customer.')
  const fingerprint = sha256(JSON.stringify(['authorize', ask]))
  return psp.once({ account: account.id, key: needed(key), kind: 'authorize', fingerprint }, () => psp.authorize(account, ask, faults))
}

function operate(request: MerchantRequest, kind: OperationKind): Reply {
  const { psp, account, body, faults } = request
  const key = needed(request.key)
  const payment = paymentOf(request)
  const ask = read(kind === 'capture' ? captureBody : kind === 'refund' ? refundBody : emptyBody, body ?? {})
  const fingerprint = sha256(JSON.stringify([kind, payment.id, ask]))
  return psp.once({ account: account.id, key, kind, fingerprint }, () => {
    const decided = decide(psp, kind, payment, ask, key)
    decided.entries.push(...psp.lies(payment.id, faults))
    return effectOf(psp, kind, payment, key, decided)
  })
}

function decide(psp: Psp, kind: OperationKind, payment: PaymentState, ask: unknown, key: string): Decided {
  if (kind === 'capture') return capture(payment, ask as z.output<typeof captureBody>, key, psp.now())
  if (kind === 'refund') return refund(psp.state, payment, ask as z.output<typeof refundBody>, key)
  return voidPayment(payment, key)
}

function effectOf(psp: Psp, kind: OperationKind, payment: PaymentState, key: string, decided: Decided): Effect {
  const { entries, amount, refused } = decided
  return {
    entries,
    reply: () => {
      const wire = psp.present(payment)
      if (refused !== null) return { status: 409, body: { error: { type: 'refused', ...refused }, operation_id: key, payment: wire } }
      return { status: 201, body: presentOperation(kind, key, amount, payment, wire) }
    },
  }
}

function findPayment(request: MerchantRequest): Reply {
  const { psp, account, query } = request
  const payment = psp.state.paymentOf(account.id, query.get('payment_id') ?? '')
  if (payment === undefined) throw new BadRequest(404, 'not_found', 'There is no payment with that payment_id.')
  return show(request, payment)
}

function show({ psp, faults }: MerchantRequest, payment: PaymentState): Reply {
  psp.record(psp.lies(payment.id, faults))
  return { status: 200, body: psp.present(payment) }
}

/** What was answered to a key, as it was. */
function findOperation({ psp, account, id }: MerchantRequest): Reply {
  const answer = psp.state.answerTo(account.id, id)
  if (answer === undefined) throw new BadRequest(404, 'not_found', 'Nothing was asked with that idempotency key.')
  const { key, kind, status, body, at } = answer
  return { status: 200, body: { key, kind, status, body, at } }
}

function findDispute({ psp, account, id }: MerchantRequest): Reply {
  const dispute = psp.state.disputes.get(id)
  if (dispute === undefined || dispute.account !== account.id) throw new BadRequest(404, 'not_found', 'There is no such dispute.')
  return { status: 200, body: presentDispute(psp.state, dispute) }
}

/** The account's own books: all that was taken and given back from one moment on and before another. */
function listMovements({ psp, account, query }: MerchantRequest): Reply {
  const { from, until } = read(periodQuery, Object.fromEntries(query))
  const movements = [...psp.state.payments.values()].filter((payment) => payment.account === account.id).flatMap(presentMovements)
  return { status: 200, body: { data: movements.filter(({ at }) => at >= from && at < until) } }
}

function listMethods({ psp, account, query }: MerchantRequest): Reply {
  const methods = [...psp.state.methods.values()].filter(
    (method) => method.account === account.id && method.customer === query.get('customer') && method.state !== 'removed',
  )
  return { status: 200, body: { data: methods.map(({ id, card, state }) => ({ id, state, brand: card.brand, last4: card.last4 })) } }
}

function removeMethod({ psp, account, id }: MerchantRequest): Reply {
  const method = psp.state.methods.get(id)
  if (method === undefined || method.account !== account.id) throw new BadRequest(404, 'not_found', 'There is no such saved method.')
  if (method.state !== 'removed') psp.record([{ type: 'method_changed', method: id, state: 'removed' }])
  return { status: 200, body: { id, state: 'removed' } }
}

function setCallback({ psp, account, body }: MerchantRequest): Reply {
  const { url } = read(callbackBody, body)
  psp.record([{ type: 'account_changed', account: account.id, callbackUrl: url }])
  return { status: 200, body: { ...presentAccount(account), callback_secret: account.callbackSecret } }
}

function paymentOf({ psp, account, id }: MerchantRequest): PaymentState {
  const payment = psp.state.payments.get(id)
  if (payment === undefined || payment.account !== account.id) throw new BadRequest(404, 'not_found', 'There is no such payment.')
  return payment
}

function needed(key: string | undefined): string {
  if (key === undefined || !/^[\w.:-]{1,100}$/.test(key))
    throw new BadRequest(400, 'idempotency_key_needed', 'Send an Idempotency-Key of up to 100 letters, digits, and . : _ -')
  return key
}
