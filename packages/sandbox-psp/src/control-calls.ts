import { randomBytes } from 'node:crypto'
import type { CallbackSender } from './callback-sender.ts'
import { answerAction, openDispute, settleLate } from './charge.ts'
import type { Account, Entry, PaymentState } from './entries.ts'
import { newId, newSecret, sha256 } from './ids.ts'
import { disputedAmount } from './operations.ts'
import type { Psp, Reply } from './psp.ts'
import { read } from './read-body.ts'
import { BadRequest } from './refuse.ts'
import { openAmount } from './state.ts'
import {
  accountBody,
  accountChange,
  actionBody,
  callbackManners,
  disputeBody,
  disputeEnd,
  presentAccount,
  presentCallback,
  presentDispute,
  presentJournal,
  releaseBody,
  scriptBody,
} from './wire.ts'

// What whoever runs the provider may do with it, by the control token: open accounts, tell it to misbehave, read its journal.

export interface ControlRequest {
  psp: Psp
  sender: CallbackSender
  id: string
  query: URLSearchParams
  body: unknown
}

export interface ControlCall {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  path: RegExp
  answer(request: ControlRequest): Reply | Promise<Reply>
}

export const CONTROL_CALLS: readonly ControlCall[] = [
  { method: 'POST', path: /^\/control\/accounts$/, answer: openAccount },
  { method: 'PATCH', path: /^\/control\/accounts\/([\w-]+)$/, answer: changeAccount },
  { method: 'POST', path: /^\/control\/scripts$/, answer: addScript },
  { method: 'GET', path: /^\/control\/scripts$/, answer: ({ psp }) => ok({ data: psp.state.scripts }) },
  { method: 'DELETE', path: /^\/control\/scripts$/, answer: clearScripts },
  { method: 'GET', path: /^\/control\/callbacks$/, answer: listCallbacks },
  { method: 'POST', path: /^\/control\/callbacks\/release$/, answer: releaseCallbacks },
  { method: 'POST', path: /^\/control\/disputes$/, answer: dispute },
  { method: 'POST', path: /^\/control\/disputes\/([\w-]+)\/close$/, answer: closeDispute },
  { method: 'POST', path: /^\/control\/payments\/([\w-]+)\/action$/, answer: actForBuyer },
  { method: 'POST', path: /^\/control\/payments\/([\w-]+)\/settle$/, answer: settleNow },
  { method: 'POST', path: /^\/control\/payments\/([\w-]+)\/expire$/, answer: expirePayment },
  { method: 'POST', path: /^\/control\/saved-methods\/([\w-]+)\/expire$/, answer: expireMethod },
  { method: 'GET', path: /^\/control\/journal$/, answer: readJournal },
]

const ok = (body: unknown): Reply => ({ status: 200, body })

/** The same account again, when it is there with that key: whoever sets up a shop may begin anew. */
function openAccount({ psp, body }: ControlRequest): Reply {
  const ask = read(accountBody, body)
  const apiKey = ask.api_key ?? newSecret('sk_sandbox')
  const known = psp.state.accounts.get(ask.id ?? '')
  if (known !== undefined && (known.keyHash !== sha256(apiKey) || known.callbackSecret !== (ask.callback_secret ?? known.callbackSecret)))
    throw new BadRequest(409, 'account_exists', 'There is an account with that id and another key or secret.')
  if (known !== undefined)
    return { status: 200, body: { ...presentAccount(known), api_key: apiKey, callback_secret: known.callbackSecret } }
  if (psp.state.accountsByKey.has(sha256(apiKey))) throw new BadRequest(409, 'account_exists', 'Another account has that key.')
  const account: Account = {
    id: ask.id ?? newId('acct'),
    name: ask.name,
    keyHash: sha256(apiKey),
    callbackUrl: ask.callback_url,
    callbackSecret: ask.callback_secret ?? `whsec_${randomBytes(32).toString('base64')}`,
    callbacks: callbackManners.parse({}),
  }
  psp.record([{ type: 'account_opened', account }])
  return { status: 201, body: { ...presentAccount(account), api_key: apiKey, callback_secret: account.callbackSecret } }
}

function changeAccount({ psp, id, body }: ControlRequest): Reply {
  const account = psp.state.accounts.get(id)
  if (account === undefined) throw missing('account')
  const { callback_url: callbackUrl, callbacks } = read(accountChange, body)
  psp.record([
    {
      type: 'account_changed',
      account: id,
      ...(callbackUrl !== undefined && { callbackUrl }),
      ...(callbacks !== undefined && { callbacks }),
    },
  ])
  return ok(presentAccount(account))
}

function addScript({ psp, body }: ControlRequest): Reply {
  const script = { id: newId('script'), ...read(scriptBody, body) }
  psp.record([{ type: 'script_added', script }])
  return { status: 201, body: script }
}

function clearScripts({ psp, query }: ControlRequest): Reply {
  psp.record([{ type: 'scripts_cleared', account: query.get('account') }])
  return ok({ data: psp.state.scripts })
}

function listCallbacks({ psp, query }: ControlRequest): Reply {
  const account = query.get('account')
  const listed = [...psp.state.callbacks.values()].filter(({ callback }) => account === null || callback.account === account)
  return ok({ data: listed.map(presentCallback) })
}

async function releaseCallbacks({ sender, body }: ControlRequest): Promise<Reply> {
  return ok(await sender.release(read(releaseBody, body)))
}

function dispute({ psp, body }: ControlRequest): Reply {
  const { payment: id, amount, reason } = read(disputeBody, body)
  const payment = paymentOf(psp, id)
  const left = payment.captured - payment.refunded - disputedAmount(psp.state, payment)
  if (left <= 0 || (amount ?? left) > left) throw new BadRequest(409, 'not_captured', `No more than ${left} can be disputed.`)
  const entry = openDispute(payment, amount ?? left, reason, psp.now())
  if (entry.type !== 'dispute_opened') throw new Error('A dispute begins by being opened.')
  psp.record([entry])
  return { status: 201, body: presentDispute(psp.state, entry.dispute) }
}

function closeDispute({ psp, id, body }: ControlRequest): Reply {
  const { outcome } = read(disputeEnd, body)
  const open = psp.state.disputes.get(id)
  if (open === undefined) throw missing('dispute')
  if (open.status !== 'open') throw new BadRequest(409, 'dispute_closed', `The dispute is ${open.status}.`)
  psp.record([{ type: 'dispute_closed', dispute: id, outcome }])
  return ok(presentDispute(psp.state, open))
}

function actForBuyer({ psp, id, body }: ControlRequest): Reply {
  const payment = paymentOf(psp, id)
  const { approve } = read(actionBody, body)
  return change(psp, payment, answerAction(payment, approve, psp.now()))
}

function settleNow({ psp, id }: ControlRequest): Reply {
  const payment = paymentOf(psp, id)
  return change(psp, payment, settleLate(payment, psp.now()))
}

function expirePayment({ psp, id }: ControlRequest): Reply {
  const payment = paymentOf(psp, id)
  const waits = openAmount(payment) > 0 || payment.status === 'requires_action'
  return change(psp, payment, waits ? [{ type: 'payment_expired', payment: payment.id }] : [])
}

function expireMethod({ psp, id }: ControlRequest): Reply {
  const method = psp.state.methods.get(id)
  if (method === undefined) throw missing('saved method')
  psp.record([{ type: 'method_changed', method: id, state: 'expired' }])
  return ok({ id, state: 'expired' })
}

/** What really happened, payment by payment. */
function readJournal({ psp, query }: ControlRequest): Reply {
  const [account, paymentId] = [query.get('account'), query.get('payment_id')]
  const payments = [...psp.state.payments.values()].filter(
    (payment) => (account === null || payment.account === account) && (paymentId === null || payment.paymentId === paymentId),
  )
  return ok({ data: payments.map((payment) => presentJournal(psp.state, payment)) })
}

function change(psp: Psp, payment: PaymentState, entries: Entry[]): Reply {
  if (entries.length === 0) throw new BadRequest(409, 'nothing_to_do', `The payment is ${payment.status}.`)
  psp.record(entries)
  return ok(presentJournal(psp.state, payment))
}

/** By the provider's id or the merchant's. */
function paymentOf(psp: Psp, id: string): PaymentState {
  const payment = psp.state.payments.get(id) ?? [...psp.state.payments.values()].find((one) => one.paymentId === id)
  if (payment === undefined) throw missing('payment')
  return payment
}

function missing(what: string): BadRequest {
  return new BadRequest(404, 'not_found', `There is no such ${what}.`)
}
