import { Worker } from 'node:worker_threads'

/** Written to stderr by the watchdog before it ends the process, for whoever started it. */
export const OVER_MEMORY = 'runner: over its memory limit'
export const OVER_TIME = 'runner: over its time'

const WATCH_MS = 100
/**
 * The host kills at the deadline, or when it has put it off for long enough. This is for a host that is gone or stuck itself, and must not come
 * first. So often in a row it must have been over, for the clock goes on where the machine stands still.
 */
const OVERDUE_LOOKS = 10

// Shared numbers: when the work at hand must be over (ms of performance.timeOrigin's clock, 0 = idle), and the resident bytes seen last.
const DEADLINE = 0
const RESIDENT = 1

const WATCH = `
const { workerData } = require('node:worker_threads')
const { writeSync } = require('node:fs')
const shared = new BigInt64Array(workerData.shared)
const { parent, memoryBytesMax } = workerData
function end(words) {
  try { if (words) writeSync(2, words + '\\n') } catch {}
  process.kill(process.pid, 'SIGKILL')
}
let overdueLooks = 0
setInterval(() => {
  const resident = process.memoryUsage.rss()
  Atomics.store(shared, ${RESIDENT}, BigInt(resident))
  if (resident > memoryBytesMax) end('${OVER_MEMORY}')
  if (process.ppid !== parent) end()
  const deadline = Number(Atomics.load(shared, ${DEADLINE}))
  overdueLooks = deadline !== 0 && Date.now() > deadline ? overdueLooks + 1 : 0
  if (overdueLooks > ${OVERDUE_LOOKS}) end('${OVER_TIME}')
}, ${WATCH_MS})
`

/**
 * A thread beside the one that runs plugins, because that one may be held for ever: it ends the process when its parent is gone, when it
 * outgrew its memory, or when the host forgot about it.
 */
export class Watchdog {
  readonly #shared = new BigInt64Array(new SharedArrayBuffer(16))
  readonly #putOffMsMax: number

  /** `parent` is the process id of whoever started this one: if it is gone before the thread begins to watch, it is gone all the same. */
  constructor(memoryBytesMax: number, parent: number, putOffMsMax: number) {
    this.#putOffMsMax = putOffMsMax
    const worker = new Worker(WATCH, { eval: true, workerData: { shared: this.#shared.buffer, memoryBytesMax, parent }, env: {} })
    worker.unref()
  }

  /** Resident bytes of the process, at most 100 ms old. */
  get residentBytes(): number {
    return Number(Atomics.load(this.#shared, RESIDENT))
  }

  begin(limitMs: number): void {
    Atomics.store(this.#shared, DEADLINE, BigInt(Math.ceil(Date.now() + limitMs + Math.max(limitMs, this.#putOffMsMax))))
  }

  end(): void {
    Atomics.store(this.#shared, DEADLINE, 0n)
  }
}
