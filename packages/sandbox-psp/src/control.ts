import { Agent, request } from 'undici'
import type { z } from 'zod'
import type { CallbackManners, CallbackOutcome } from './entries.ts'
import type { NewScript, Script } from './scripts.ts'
import type { ScriptState } from './state.ts'
import type { accountBody, DisputeWire, JournalWire, releaseBody } from './wire.ts'

export interface OpenedAccount {
  id: string
  name: string
  api_key: string
  callback_url: string | null
  callback_secret: string
}

export interface CallbackLine {
  id: string
  account: string
  type: string
  payment_id: string
  outcome: CallbackOutcome | null
}

/** Commands a running sandbox provider. Fails on every answer that is not a success. */
export class PspControl {
  readonly #url: () => string
  readonly #token: string
  readonly #agent = new Agent({ connections: 4 })

  /** A function, because a provider that starts again may have another address. */
  constructor(url: () => string, token: string) {
    this.#url = url
    this.#token = token
  }

  openAccount(account: z.input<typeof accountBody>): Promise<OpenedAccount> {
    return this.#call('POST', '/control/accounts', account)
  }

  changeAccount(id: string, change: { callback_url?: string | null; callbacks?: Partial<CallbackManners> }): Promise<unknown> {
    return this.#call('PATCH', `/control/accounts/${id}`, change)
  }

  /** From now on it goes wrong so. */
  addScript(script: NewScript): Promise<Script> {
    return this.#call('POST', '/control/scripts', script)
  }

  async scripts(): Promise<ScriptState[]> {
    return (await this.#call<{ data: ScriptState[] }>('GET', '/control/scripts')).data
  }

  /** Of one account, or of all. */
  clearScripts(account?: string): Promise<unknown> {
    return this.#call('DELETE', `/control/scripts${account === undefined ? '' : `?account=${account}`}`)
  }

  async callbacks(account?: string): Promise<CallbackLine[]> {
    const query = account === undefined ? '' : `?account=${account}`
    return (await this.#call<{ data: CallbackLine[] }>('GET', `/control/callbacks${query}`)).data
  }

  /** Sends what is held back, one after the other, and answers when the last one was tried. */
  releaseCallbacks(release: z.input<typeof releaseBody> = {}): Promise<{ sent: number; taken: number }> {
    return this.#call('POST', '/control/callbacks/release', release)
  }

  /** `payment`: the provider's id or the merchant's, here and below. */
  openDispute(payment: string, amount?: number): Promise<DisputeWire> {
    return this.#call('POST', '/control/disputes', { payment, ...(amount !== undefined && { amount }) })
  }

  closeDispute(dispute: string, outcome: 'won' | 'lost'): Promise<DisputeWire> {
    return this.#call('POST', `/control/disputes/${dispute}/close`, { outcome })
  }

  /** As the buyer at the page. */
  answerAction(payment: string, approve: boolean): Promise<JournalWire> {
    return this.#call('POST', `/control/payments/${payment}/action`, { approve })
  }

  /** Ends a payment in process now. */
  settle(payment: string): Promise<JournalWire> {
    return this.#call('POST', `/control/payments/${payment}/settle`)
  }

  expireAuthorization(payment: string): Promise<JournalWire> {
    return this.#call('POST', `/control/payments/${payment}/expire`)
  }

  expireSavedMethod(method: string): Promise<unknown> {
    return this.#call('POST', `/control/saved-methods/${method}/expire`)
  }

  /** What really happened, payment by payment: of an account, of one of our payment ids, or of all. */
  async journal(of: { account?: string; paymentId?: string } = {}): Promise<JournalWire[]> {
    const query = new URLSearchParams()
    if (of.account !== undefined) query.set('account', of.account)
    if (of.paymentId !== undefined) query.set('payment_id', of.paymentId)
    return (await this.#call<{ data: JournalWire[] }>('GET', `/control/journal?${query}`)).data
  }

  close(): Promise<void> {
    return this.#agent.close()
  }

  async #call<Body>(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, json?: unknown): Promise<Body> {
    const { statusCode, body } = await request(this.#url() + path, {
      method,
      dispatcher: this.#agent,
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' },
      ...(json !== undefined && { body: JSON.stringify(json) }),
    })
    const text = await body.text()
    if (statusCode >= 300) throw new Error(`${method} ${path}: ${statusCode} ${text}`)
    return JSON.parse(text) as Body
  }
}
