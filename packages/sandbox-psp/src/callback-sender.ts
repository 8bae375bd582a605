import { createHmac } from 'node:crypto'
import { lookup as resolve } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { Agent, request } from 'undici'
import type { Account, Callback, CallbackOutcome } from './entries.ts'
import type { Psp } from './psp.ts'
import { draw } from './scripts.ts'

// Each attempt is signed anew, by the scheme of Standard Webhooks; identity and content stay those of the event.

const ATTEMPTS_MAX = 15
const ATTEMPT_TIMEOUT_MS = 5_000
const RETRY_AFTER_MS = 250
const RETRY_AFTER_MS_MAX = 15_000

export interface Release {
  account?: string | undefined
  order: 'as_made' | 'reversed' | 'shuffled'
  copies: number
  seed: number
}

/** Sends callbacks in the manners of their account: at once, late, several times, out of order, never, or when released. */
export class CallbackSender {
  readonly #psp: Psp
  readonly #agent = new Agent({
    connections: 32,
    headersTimeout: ATTEMPT_TIMEOUT_MS,
    bodyTimeout: ATTEMPT_TIMEOUT_MS,
    connect: { lookup: lookupWithLocalhost },
  })
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #underWay = new Set<Promise<void>>()
  readonly #draws = new Map<string, number>()
  #closed = false

  constructor(psp: Psp) {
    this.#psp = psp
    psp.onCallback = (callback) => this.#take(callback)
  }

  /** Sends what is held, one after the other, and answers how often the receiver took it. */
  async release({ account, order, copies, seed }: Release): Promise<{ sent: number; taken: number }> {
    const held = [...this.#psp.state.callbacks.values()]
      .filter(({ callback, outcome }) => outcome === null && (account === undefined || callback.account === account))
      .map(({ callback }) => callback)
    const sequence = Array.from({ length: copies }, () => held).flat()
    if (order === 'reversed') sequence.reverse()
    if (order === 'shuffled') shuffle(sequence, seed)
    let taken = 0
    for (const callback of sequence) {
      if (!(await this.#attempt(callback))) continue
      taken += 1
      this.#end(callback, 'delivered')
    }
    return { sent: sequence.length, taken }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#timers) clearTimeout(timer)
    await Promise.allSettled(this.#underWay)
    await this.#agent.destroy()
  }

  #take(callback: Callback): void {
    const account = this.#psp.state.accounts.get(callback.account)!
    const { hold, lose, copies, delayMs } = account.callbacks
    if (hold) return
    if (this.#draw(account) < lose) {
      this.#end(callback, 'lost')
      return
    }
    for (let copy = 0; copy < copies; copy++) {
      const delay = delayMs.min + Math.floor(this.#draw(account) * (delayMs.max - delayMs.min + 1))
      this.#later(delay, () => this.#send(callback, 1))
    }
  }

  async #send(callback: Callback, attempt: number): Promise<void> {
    const taken = await this.#attempt(callback)
    if (this.#closed) return
    if (taken) this.#end(callback, 'delivered')
    else if (attempt >= ATTEMPTS_MAX) this.#end(callback, 'given_up')
    else this.#later(Math.min(RETRY_AFTER_MS * 2 ** (attempt - 1), RETRY_AFTER_MS_MAX), () => this.#send(callback, attempt + 1))
  }

  async #attempt(callback: Callback): Promise<boolean> {
    const { callbackUrl, callbackSecret } = this.#psp.state.accounts.get(callback.account)!
    if (callbackUrl === null) return false
    // What is told has to be true even if the power fails now.
    await this.#psp.flushed()
    const headers = { 'content-type': 'application/json', ...signature(callback, callbackSecret, this.#psp.now()) }
    try {
      const { statusCode, body } = await request(callbackUrl, { method: 'POST', headers, body: callback.body, dispatcher: this.#agent })
      await body.dump()
      return statusCode >= 200 && statusCode < 300
    } catch {
      return false
    }
  }

  #end(callback: Callback, outcome: CallbackOutcome): void {
    const known = this.#psp.state.callbacks.get(callback.id)!.outcome
    if (known === 'delivered' || known === outcome) return
    this.#psp.record([{ type: 'callback_ended', callback: callback.id, outcome }])
  }

  #later(delayMs: number, work: () => Promise<void>): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      const done = work().finally(() => this.#underWay.delete(done))
      this.#underWay.add(done)
    }, delayMs)
    this.#timers.add(timer)
  }

  #draw({ id, callbacks }: Account): number {
    const index = this.#draws.get(id) ?? 0
    this.#draws.set(id, index + 1)
    return draw(callbacks.seed, index)
  }
}

/** Names under localhost are this machine's, whatever its resolver thinks: merchants of a demo have such names. */
const lookupWithLocalhost: LookupFunction = (hostname, options, done) => {
  if (!hostname.endsWith('.localhost')) resolve(hostname, options, done as never)
  else if (options.all === true) done(null, [{ address: '127.0.0.1', family: 4 }])
  else done(null, '127.0.0.1', 4)
}

/** The headers of one attempt. */
export function signature(callback: Pick<Callback, 'id' | 'body'>, secret: string, now: Date): Record<string, string> {
  const timestamp = String(Math.floor(now.getTime() / 1000))
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const mac = createHmac('sha256', key).update(`${callback.id}.${timestamp}.${callback.body}`).digest('base64')
  return { 'webhook-id': callback.id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` }
}

function shuffle(list: unknown[], seed: number): void {
  for (let index = list.length - 1; index > 0; index--) {
    const other = Math.floor(draw(seed, index) * (index + 1))
    ;[list[index], list[other]] = [list[other], list[index]]
  }
}
