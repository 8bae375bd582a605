import { Worker } from 'node:worker_threads'
import type { SourceFault } from './sandbox/source-gate.ts'

const VERDICTS_KEPT_MAX = 10_000
/** A bundle of 512 KB takes a fifth of a second; a busy machine is given time. */
const CHECK_MS_MAX = 5_000
/** Reading such a bundle takes some 60 MB. */
const THREAD_HEAP_MIB = 512

export type Verdict = { mayRun: true } | { mayRun: false; reason: 'refused' | 'unavailable'; detail: string }

interface Reply {
  id: number
  digest: string
  fault: SourceFault | undefined
}

/**
 * Whether a bundle passed the source gate and is what its digest says. Each digest is read once per process, in a thread of its own;
 * the answer is remembered.
 */
export class SourceChecks {
  readonly #threadFile: URL
  readonly #checkMsMax: number
  readonly #verdicts = new Map<string, Verdict>()
  readonly #waiting = new Map<string, Promise<Verdict>>()
  readonly #replies = new Map<number, (reply: Reply | undefined) => void>()
  #thread: Worker | undefined
  #nextId = 1

  constructor(threadFile: URL, checkMsMax = CHECK_MS_MAX) {
    this.#threadFile = threadFile
    this.#checkMsMax = checkMsMax
  }

  /** The verdict if it is known already: the way of every call but the first. */
  known(digest: string): Verdict | undefined {
    return this.#verdicts.get(digest)
  }

  check(bundle: { digest: string; source: string }): Promise<Verdict> {
    const waiting = this.#waiting.get(bundle.digest) ?? this.#check(bundle).finally(() => this.#waiting.delete(bundle.digest))
    this.#waiting.set(bundle.digest, waiting)
    return waiting
  }

  async close(): Promise<void> {
    for (const settle of this.#replies.values()) settle(undefined)
    await this.#thread?.terminate()
  }

  async #check({ digest, source }: { digest: string; source: string }): Promise<Verdict> {
    const reply = await this.#ask(source)
    if (reply === undefined) return { mayRun: false, reason: 'unavailable', detail: 'the bundle could not be read in time' }
    // Not remembered under the digest that was named: the right bundle may still come.
    if (reply.digest !== digest) return { mayRun: false, reason: 'refused', detail: 'the bundle is not what its digest says' }
    const verdict: Verdict = reply.fault ? { mayRun: false, reason: 'refused', detail: inWords(reply.fault) } : { mayRun: true }
    this.#verdicts.set(digest, verdict)
    if (this.#verdicts.size > VERDICTS_KEPT_MAX) this.#verdicts.delete(this.#verdicts.keys().next().value!)
    return verdict
  }

  #ask(source: string): Promise<Reply | undefined> {
    this.#thread ??= this.#start()
    const thread = this.#thread
    const id = this.#nextId++
    return new Promise((resolve) => {
      const settle = (reply: Reply | undefined) => {
        clearTimeout(timer)
        this.#replies.delete(id)
        if (this.#replies.size === 0) thread.unref()
        resolve(reply)
      }
      const timer = setTimeout(() => {
        settle(undefined)
        void thread.terminate()
      }, this.#checkMsMax)
      this.#replies.set(id, settle)
      thread.ref()
      thread.postMessage({ id, source })
    })
  }

  #start(): Worker {
    const thread = new Worker(this.#threadFile, {
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: THREAD_HEAP_MIB, stackSizeMb: 4 },
    })
    thread.unref()
    thread.on('message', (reply: Reply) => this.#replies.get(reply.id)?.(reply))
    // It ends by itself only when a bundle was too much for it; whoever waits is told so.
    thread.on('error', () => undefined)
    thread.on('exit', () => {
      if (this.#thread === thread) this.#thread = undefined
      for (const settle of this.#replies.values()) settle(undefined)
    })
    return thread
  }
}

function inWords({ detail, line, column }: SourceFault): string {
  return line === 0 ? detail : `${detail} (line ${line}, column ${column})`
}
