import { join } from 'node:path'
import { chargeNew, settleLate } from './charge.ts'
import type { Account, Answer, Callback, Entry, PaymentState } from './entries.ts'
import { newId } from './ids.ts'
import { Journal } from './journal.ts'
import { BadRequest } from './refuse.ts'
import { type CallKind, type Fault, runs } from './scripts.ts'
import { State } from './state.ts'
import { type PaymentWire, presentDispute, presentPayment } from './wire.ts'

export interface Reply {
  status: number
  body: unknown
}

/** What a request with a key comes to: facts to journal, and an answer that is made once they hold. */
export interface Effect {
  entries: Entry[]
  reply: () => Reply
}

export const JOURNAL_FILE = 'journal.jsonl'

/** The provider itself: state in memory, each change of it in the journal. Answers wait for `flushed`. */
export class Psp {
  readonly state = new State()
  /** Where buyers and merchants reach it; known once it listens. */
  baseUrl = ''
  /** Told of each callback that was made, also of those that an earlier run has left. */
  onCallback: (callback: Callback) => void = () => {}
  readonly now: () => Date
  readonly #journal: Journal<Entry>
  readonly #timers = new Set<NodeJS.Timeout>()

  private constructor(journal: Journal<Entry>, now: () => Date) {
    this.#journal = journal
    this.now = now
  }

  /** Goes on where the folder's journal ends. `onFailure`: the disk refuses, and nothing may be answered any more. */
  static async open(folder: string, onFailure: (error: Error) => void, now = () => new Date()): Promise<Psp> {
    const { journal, lines } = await Journal.open<Entry>(join(folder, JOURNAL_FILE), onFailure)
    const psp = new Psp(journal, now)
    for (const line of lines) psp.state.apply(line)
    return psp
  }

  /** Takes up what an earlier run has left: payments in process, callbacks not delivered. */
  resume(): void {
    for (const payment of this.state.payments.values()) this.#settleWhenDue(payment)
    for (const { callback, outcome } of this.state.callbacks.values()) if (outcome === null) this.onCallback(callback)
  }

  flushed(): Promise<void> {
    return this.#journal.flushed()
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer)
    await this.#journal.close()
  }

  /** Makes entries true, with what follows from them, in one line of the journal. */
  record(entries: Entry[], further: () => Entry[] = () => []): void {
    if (entries.length === 0) return
    const at = this.now()
    const apply = (some: Entry[]) => this.state.apply({ seq: 0, at: at.toISOString(), entries: some })
    apply(entries)
    const following = [...entries.flatMap((entry) => this.#callbackOf(entry, at)), ...further()]
    apply(following)
    this.#journal.append([...entries, ...following], at)
    // Begins to write at once, also when nobody waits for it; a failure goes to `onFailure`.
    this.#journal.flushed().catch(() => {})
    for (const entry of entries) if (entry.type === 'payment_made') this.#settleWhenDue(this.state.payments.get(entry.payment.id)!)
    for (const entry of following) if (entry.type === 'callback_made') this.onCallback(entry.callback)
  }

  /** The answer to a request with a key: that of the first time, or a new one, which is kept with what it has done. */
  once(asked: Pick<Answer, 'account' | 'key' | 'kind' | 'fingerprint'>, decide: () => Effect): Reply & { replayed: boolean } {
    const known = this.state.answerTo(asked.account, asked.key)
    if (known !== undefined) {
      if (known.fingerprint !== asked.fingerprint)
        throw new BadRequest(422, 'idempotency_key_reused', 'The idempotency key came with another request before.')
      return { status: known.status, body: known.body, replayed: true }
    }
    const { entries, reply } = decide()
    let answer: Reply | undefined
    const keep = (): Entry[] => {
      answer = reply()
      return [{ type: 'answered', answer: { ...asked, ...answer, at: this.now().toISOString() } }]
    }
    if (entries.length === 0) this.record(keep())
    else this.record(entries, keep)
    return { ...answer!, replayed: false }
  }

  /** How a call goes wrong this time. Each script that is asked counts it. */
  faultsFor(account: string, call: CallKind): Fault[] {
    const asked = this.state.scripts.filter((script) => script.on.includes(call) && (script.account === null || script.account === account))
    return asked.flatMap((script) => {
      if (script.times !== null && script.ran >= script.times) return []
      const ran = runs(script, script.asked, script.ran)
      this.record([{ type: 'script_asked', script: script.id, ran }])
      return ran ? [script.fault] : []
    })
  }

  authorize(account: Account, ask: Parameters<typeof chargeNew>[2], faults: readonly Fault[]): Effect {
    const entries = chargeNew(this.state, account, ask, faults, this.now())
    const [made] = entries
    if (made?.type !== 'payment_made') throw new Error('A charge begins with its payment.')
    entries.push(...this.lies(made.payment.id, faults))
    return {
      entries,
      reply: () => {
        const payment = this.present(this.state.payments.get(made.payment.id)!)
        return payment.decline === null
          ? { status: 201, body: payment }
          : { status: 402, body: { error: { type: 'declined', ...payment.decline }, payment } }
      },
    }
  }

  lies(payment: string, faults: readonly Fault[]): Entry[] {
    return faults.flatMap((fault) =>
      fault.kind === 'lie' ? [{ type: 'payment_claimed', payment, claim: { amount: fault.amount, currency: fault.currency } }] : [],
    )
  }

  present(payment: PaymentState): PaymentWire {
    return presentPayment(this.state, payment, this.baseUrl)
  }

  #settleWhenDue(payment: PaymentState): void {
    if (payment.status !== 'processing' || payment.settles === null) return
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer)
        this.record(settleLate(payment, this.now()))
      },
      Math.max(0, payment.settles.at - this.now().getTime()),
    )
    this.#timers.add(timer)
  }

  /** What the merchant is told of an entry, when the account has an address for it. */
  #callbackOf(entry: Entry, at: Date): Entry[] {
    const told = this.#eventOf(entry)
    if (told === undefined || this.state.accounts.get(told.payment.account)!.callbackUrl === null) return []
    const { type, payment, operationId = null, dispute = null } = told
    const id = newId('evt')
    const data = { payment: this.present(payment), operation_id: operationId, dispute }
    const body = JSON.stringify({ id, type, created_at: at.toISOString(), data })
    return [{ type: 'callback_made', callback: { id, account: payment.account, type, paymentId: payment.paymentId, body } }]
  }

  #eventOf(entry: Entry): { type: string; payment: PaymentState; operationId?: string | null; dispute?: unknown } | undefined {
    switch (entry.type) {
      case 'payment_made':
        return entry.status === 'requires_action'
          ? { type: 'payment.requires_action', payment: this.state.payments.get(entry.payment.id)! }
          : undefined
      case 'payment_authorized':
      case 'payment_declined':
      case 'payment_expired':
        return { type: entry.type.replace('_', '.'), payment: this.state.payments.get(entry.payment)! }
      case 'payment_captured':
      case 'payment_refunded':
      case 'payment_voided':
        return { type: entry.type.replace('_', '.'), payment: this.state.payments.get(entry.payment)!, operationId: entry.key }
      case 'dispute_opened':
      case 'dispute_closed': {
        const dispute = this.state.disputes.get(entry.type === 'dispute_opened' ? entry.dispute.id : entry.dispute)!
        const payment = this.state.payments.get(dispute.payment)!
        return { type: entry.type.replace('_', '.'), payment, dispute: presentDispute(this.state, dispute) }
      }
      default:
        return undefined
    }
  }
}
