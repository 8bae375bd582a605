import type { Account, Answer, Callback, CallbackOutcome, Dispute, Entry, OperationKind, PaymentState, SavedMethod } from './entries.ts'
import type { Line } from './journal.ts'
import type { Script } from './scripts.ts'

/** A script and how often it was asked and has run. */
export interface ScriptState extends Script {
  asked: number
  ran: number
}

/** Everything the provider knows: nothing but the fold of its journal. */
export class State {
  readonly accounts = new Map<string, Account>()
  readonly accountsByKey = new Map<string, Account>()
  readonly payments = new Map<string, PaymentState>()
  readonly methods = new Map<string, SavedMethod>()
  readonly disputes = new Map<string, Dispute>()
  readonly callbacks = new Map<string, { callback: Callback; outcome: CallbackOutcome | null }>()
  readonly paymentsByAction = new Map<string, PaymentState>()
  scripts: ScriptState[] = []
  readonly #paymentsByTheirId = new Map<string, PaymentState>()
  readonly #disputesOf = new Map<string, Dispute[]>()
  readonly #answers = new Map<string, Answer>()

  paymentOf(account: string, paymentId: string): PaymentState | undefined {
    return this.#paymentsByTheirId.get(`${account} ${paymentId}`)
  }

  disputesOf(payment: string): Dispute[] {
    return [...(this.#disputesOf.get(payment) ?? [])]
  }

  answerTo(account: string, key: string): Answer | undefined {
    return this.#answers.get(`${account} ${key}`)
  }

  apply({ entries, at }: Line<Entry>): void {
    for (const entry of entries) this.#applyOne(entry, at)
  }

  #applyOne(entry: Entry, at: string): void {
    switch (entry.type) {
      case 'account_opened':
        this.accounts.set(entry.account.id, { ...entry.account })
        this.accountsByKey.set(entry.account.keyHash, this.accounts.get(entry.account.id)!)
        return
      case 'account_changed': {
        const account = this.accounts.get(entry.account)!
        if (entry.callbackUrl !== undefined) account.callbackUrl = entry.callbackUrl
        if (entry.callbacks !== undefined) account.callbacks = entry.callbacks
        return
      }
      case 'payment_made':
        this.#addPayment(entry)
        return
      case 'method_saved':
        this.methods.set(entry.method.id, { ...entry.method })
        return
      case 'method_changed':
        this.methods.get(entry.method)!.state = entry.state
        return
      case 'dispute_opened': {
        const dispute = { ...entry.dispute }
        this.disputes.set(dispute.id, dispute)
        this.#disputesOf.set(dispute.payment, [...this.disputesOf(dispute.payment), dispute])
        return
      }
      case 'dispute_closed':
        this.disputes.get(entry.dispute)!.status = entry.outcome
        return
      case 'answered':
        this.#answers.set(`${entry.answer.account} ${entry.answer.key}`, entry.answer)
        return
      case 'script_added':
        this.scripts.push({ ...entry.script, asked: 0, ran: 0 })
        return
      case 'script_asked':
        this.#countScript(entry)
        return
      case 'scripts_cleared':
        this.scripts = entry.account === null ? [] : this.scripts.filter(({ account }) => account !== entry.account)
        return
      case 'callback_made':
        this.callbacks.set(entry.callback.id, { callback: entry.callback, outcome: null })
        return
      case 'callback_ended':
        this.callbacks.get(entry.callback)!.outcome = entry.outcome
        return
      default:
        changePayment(this.payments.get(entry.payment)!, entry, at)
    }
  }

  #addPayment({ payment, status }: Extract<Entry, { type: 'payment_made' }>): void {
    const added: PaymentState = {
      ...payment,
      status,
      authorized: 0,
      captured: 0,
      refunded: 0,
      voided: 0,
      decline: null,
      claim: null,
      operations: [],
    }
    this.payments.set(payment.id, added)
    this.#paymentsByTheirId.set(`${payment.account} ${payment.paymentId}`, added)
    if (payment.action !== null) this.paymentsByAction.set(payment.action, added)
  }

  #countScript({ script: id, ran }: Extract<Entry, { type: 'script_asked' }>): void {
    const script = this.scripts.find((one) => one.id === id)
    if (script === undefined) return
    script.asked += 1
    if (ran) script.ran += 1
  }
}

type PaymentEntry = Extract<Entry, { type: `payment_${string}`; payment: string }>

function changePayment(payment: PaymentState, entry: PaymentEntry, at: string): void {
  const operation = (kind: OperationKind, key: string | null, amount: number) => payment.operations.push({ kind, key, amount, at })
  switch (entry.type) {
    case 'payment_authorized':
      payment.authorized = entry.amount
      payment.status = 'authorized'
      return
    case 'payment_captured':
      payment.captured += entry.amount
      payment.status = openAmount(payment) === 0 ? 'captured' : 'part_captured'
      operation('capture', entry.key, entry.amount)
      return
    case 'payment_refunded':
      payment.refunded += entry.amount
      operation('refund', entry.key, entry.amount)
      return
    case 'payment_voided':
      payment.voided += entry.amount
      payment.status = payment.captured > 0 ? 'captured' : 'voided'
      operation('void', entry.key, entry.amount)
      return
    case 'payment_declined':
      payment.status = 'declined'
      payment.decline = entry.code
      return
    case 'payment_expired':
      payment.voided += openAmount(payment)
      payment.status = payment.captured > 0 ? 'captured' : 'expired'
      return
    case 'payment_claimed':
      payment.claim = entry.claim
  }
}

/** What is authorized, and neither captured nor let go. */
export function openAmount({ authorized, captured, voided }: PaymentState): number {
  return authorized - captured - voided
}
