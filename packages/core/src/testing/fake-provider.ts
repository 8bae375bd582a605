import { createHash } from 'node:crypto'
import type {
  AmountAsk,
  Authorization,
  CaptureAsk,
  FindAsk,
  OperationAsk,
  Outcome,
  PaymentProvider,
  ProviderAccount,
  ProviderNotice,
} from '../payments/provider.ts'

/** What the fake has on its own books about a payment of ours. Amounts in minor units. */
export interface FakePayment {
  paymentId: string
  reference: string
  state: 'waiting' | 'declined' | 'authorized' | 'processing' | 'voided'
  amount: bigint
  currency: string
  captureNow: boolean
  captured: bigint
  refunded: bigint
  offSession: boolean
  method: string
}

/** What becomes of a call: `drop` does it and loses the answer, `lose` loses the call itself. */
export type Fault = 'drop' | 'lose' | 'throw'

interface Script {
  faults: Fault[]
  refuse: string | undefined
  /** Waited for before the answer, with the effect done. */
  gate: Promise<void> | undefined
}

/**
 * A payment provider in memory, with a journal of its own. A token says what becomes of a payment: `ok`, `declined`, `action`,
 * `processing`, `lie_amount`, `lie_currency`, `lie_capture`. What goes wrong with calls is scripted per kind of call. A callback is
 * signed by its header, or names the secret.
 */
export class FakeProvider implements PaymentProvider {
  readonly name = 'fake'
  readonly secretNames = ['api_key', 'callback_secret']
  readonly apiBases = ['https://psp.example', 'https://other.psp.example']
  readonly payments = new Map<string, FakePayment>()
  readonly calls: string[] = []
  /** Whether methods that were kept are declined. */
  decliningSaved = false
  /** The account of the last call. */
  account: ProviderAccount | undefined
  readonly #operations = new Map<string, Outcome>()
  readonly #scripts: Record<string, Script> = {}

  /** Has the next calls of a kind (`authorize`, `capture`, `find`, …) go wrong, one fault each. */
  failing(kind: string, ...faults: Fault[]): void {
    this.#script(kind).faults.push(...faults)
  }

  /** Has all operations of a kind refused for good; undefined: not any more. */
  refusing(kind: string, code: string | undefined): void {
    this.#script(kind).refuse = code
  }

  /** Holds back the answers of a kind until it is let go. */
  holding(kind: string): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#script(kind).gate = promise
    return () => {
      this.#script(kind).gate = undefined
      resolve()
    }
  }

  /** As the buyer who confirms, or the bank that makes up its mind. */
  confirm(paymentId: string, state: 'authorized' | 'declined' = 'authorized'): void {
    const payment = this.payments.get(paymentId)!
    payment.state = state
    if (state === 'authorized' && payment.captureNow) payment.captured = payment.amount
  }

  authorize(account: ProviderAccount, ask: Authorization): Promise<Outcome> {
    this.account = account
    return this.#call('authorize', () => {
      const known = this.payments.get(ask.paymentId) ?? this.#open(ask)
      return said(known, ask.save)
    })
  }

  capture(_account: ProviderAccount, ask: CaptureAsk): Promise<Outcome> {
    return this.#operate('capture', ask, (payment) => {
      if (payment.state !== 'authorized' || payment.captured + ask.amount > payment.amount) return refused('not_capturable')
      payment.captured += ask.amount
      return { kind: 'captured', reference: `cap_${ask.operationId}`, amount: ask.amount, currency: ask.currency }
    })
  }

  void(_account: ProviderAccount, ask: OperationAsk): Promise<Outcome> {
    return this.#operate('void', ask, (payment) => {
      if (payment.captured === payment.amount || payment.state === 'declined') return refused('not_voidable')
      if (payment.captured === 0n) payment.state = 'voided'
      else payment.amount = payment.captured
      return { kind: 'voided', reference: payment.reference, amount: payment.amount, currency: payment.currency }
    })
  }

  refund(_account: ProviderAccount, ask: AmountAsk): Promise<Outcome> {
    return this.#operate('refund', ask, (payment) => {
      if (payment.refunded + ask.amount > payment.captured) return refused('more_than_captured')
      payment.refunded += ask.amount
      return { kind: 'refunded', reference: `re_${ask.operationId}`, amount: ask.amount, currency: ask.currency }
    })
  }

  find(_account: ProviderAccount, { paymentId, operation }: FindAsk): Promise<Outcome> {
    return this.#call('find', () => {
      if (operation) return this.#operations.get(operation.operationId) ?? { kind: 'absent' }
      const payment = this.payments.get(paymentId)
      return payment ? said(payment, false) : { kind: 'absent' }
    })
  }

  readCallback(
    account: ProviderAccount,
    { headers, rawBody }: { headers: Record<string, string>; rawBody: string },
  ): ProviderNotice | undefined {
    const secret = account.secrets.callback_secret!
    const { dispute, secret: named, ...notice } = JSON.parse(rawBody)
    if (headers['fake-signature'] !== signCallback(secret, rawBody) && named !== secret) return undefined
    if (!dispute) return notice
    return { ...notice, dispute: { ...dispute, amount: BigInt(dispute.amount), dueBy: null } }
  }

  /** What the merchant has of it all in the end. */
  get net(): bigint {
    return [...this.payments.values()].reduce((sum, { captured, refunded }) => sum + captured - refunded, 0n)
  }

  #open(ask: Authorization): FakePayment {
    const token = ask.token ?? (this.decliningSaved ? 'declined' : 'ok')
    const lies = { lie_amount: ask.amount - 1n, lie_currency: ask.amount }[token]
    const amount = lies ?? ask.amount
    const states: Record<string, FakePayment['state']> = { declined: 'declined', action: 'waiting', processing: 'processing' }
    const state = states[token] ?? 'authorized'
    const takes = ask.capture === 'now' && state === 'authorized' && token !== 'lie_capture'
    const payment: FakePayment = {
      ...{ paymentId: ask.paymentId, reference: `pay_${ask.paymentId}`, state, amount, refunded: 0n, offSession: ask.offSession },
      ...{ currency: token === 'lie_currency' ? 'JPY' : ask.currency, captureNow: ask.capture === 'now', captured: takes ? amount : 0n },
      method: ask.savedMethod ?? 'visa-4242',
    }
    this.payments.set(ask.paymentId, payment)
    return payment
  }

  #operate(kind: string, ask: OperationAsk, does: (payment: FakePayment) => Outcome): Promise<Outcome> {
    return this.#call(kind, () => {
      const known = this.#operations.get(ask.operationId)
      if (known) return known
      const { refuse } = this.#script(kind)
      const payment = [...this.payments.values()].find(({ reference }) => reference === ask.reference)
      const outcome = refuse ? refused(refuse) : payment ? does(payment) : refused('no_such_payment')
      this.#operations.set(ask.operationId, outcome)
      return outcome
    })
  }

  async #call(kind: string, does: () => Outcome): Promise<Outcome> {
    this.calls.push(kind)
    const script = this.#script(kind)
    const fault = script.faults.shift()
    if (fault === 'lose') return { kind: 'unknown', detail: 'connection refused' }
    const outcome = does()
    await script.gate
    if (fault === 'throw') throw new Error('socket hang up')
    return fault === 'drop' ? { kind: 'unknown', detail: 'socket hang up' } : outcome
  }

  #script(kind: string): Script {
    this.#scripts[kind] ??= { faults: [], refuse: undefined, gate: undefined }
    return this.#scripts[kind]
  }
}

export function signCallback(secret: string, rawBody: string): string {
  return createHash('sha256').update(`${secret}|${rawBody}`).digest('hex')
}

function refused(code: string): Outcome {
  return { kind: 'refused', code, message: `the provider says ${code}` }
}

function said(payment: FakePayment, save: boolean): Outcome {
  const { reference, amount, captured, currency, state } = payment
  if (state === 'declined') return { kind: 'declined', reference, code: 'card_declined', message: 'The card was declined.' }
  if (state === 'waiting') return { kind: 'action_required', reference, action: { type: 'redirect', url: 'https://psp.example/3ds' } }
  if (state === 'processing') return { kind: 'processing', reference }
  if (state === 'voided') return { kind: 'voided', reference, amount, currency }
  const method = { type: 'card', brand: 'visa', last4: '4242', expiryMonth: 12, expiryYear: 2030, savedReference: save ? 'saved_1' : null }
  return { kind: 'authorized', reference, authorized: amount, captured, currency, method }
}
