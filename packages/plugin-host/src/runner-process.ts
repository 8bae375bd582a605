import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { setPriority } from 'node:os'
import { fileURLToPath } from 'node:url'
import { runnerArguments } from './confinement.ts'
import { limitMemory } from './memory-group.ts'
import { processorMs } from './processor-time.ts'
import { encodeFrame, type Frame, FrameReader, type HostMessage, type RunnerMessage } from './sandbox/frames.ts'
import { OVER_MEMORY, OVER_TIME } from './sandbox/watchdog.ts'

export interface RunnerSettings {
  file: URL
  launcher: readonly string[]
  memoryBytesMax: number
  /** A folder of the control group file system to limit runners in. */
  controlGroup: string | undefined
}

/** Why a process is gone. */
export type RunnerEnd = 'deadline' | 'memory' | 'crashed' | 'vanished' | 'closed'

export class RunnerGone extends Error {
  readonly end: RunnerEnd

  constructor(end: RunnerEnd, detail: string) {
    super(detail)
    this.end = end
  }
}

const SOCKET = 3
const START_MS_MAX = 20_000
const ERRORS_KEPT_CHARACTERS = 2_000
/** Of the target: at this a runner gives isolates up. The rest is room for one call to be killed in. */
const MEMORY_TARGET_SHARE = 0.6

/**
 * A deadline is put off once if the runner had the processor for less than this share of the time: on an overloaded machine it was not the
 * plugin that took too long.
 */
const EXTENSIONS_MAX = 1
const STARVED_SHARE = 0.6

interface Waiting {
  begunAt: number
  extensions: number
  resolve(frame: Frame<RunnerMessage>): void
  reject(gone: RunnerGone): void
}

/**
 * One child process that runs plugins, one message at a time. Whatever goes on inside, an exchange ends by its deadline: with a reply, or with
 * the process killed.
 */
export class RunnerProcess {
  readonly ready: Promise<void>
  readonly #child: ChildProcess
  readonly #socket: Socket
  readonly #reader = new FrameReader<RunnerMessage>()
  readonly #exited: Promise<void>
  #waiting: Waiting | undefined
  /** Milliseconds of a processor it had used when it last rested. */
  #usedMs: number | undefined
  #end: RunnerEnd | undefined
  #isGone = false
  #errors = ''

  constructor(settings: RunnerSettings) {
    const { memoryBytesMax } = settings
    const command = [...settings.launcher, process.execPath, ...runnerArguments(settings.file), fileURLToPath(settings.file)]
    const given = [memoryBytesMax, Math.round(memoryBytesMax * MEMORY_TARGET_SHARE), process.pid].map(String)
    // No environment, no working folder of ours, no standard input; a session of its own, so that Ctrl-C in a terminal is not for it.
    this.#child = spawn(command[0]!, [...command.slice(1), ...given], {
      cwd: '/',
      env: {},
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      detached: true,
    })
    this.#socket = this.#child.stdio[SOCKET] as Socket
    this.#exited = this.#watch(settings)
    this.ready = this.#exchange(START_MS_MAX).then(
      () => undefined,
      (gone: RunnerGone) => {
        throw new RunnerGone(gone.end, `a runner did not start: ${gone.message} ${this.#errors}`.trim())
      },
    )
    this.ready.catch(() => undefined)
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get isGone(): boolean {
    return this.#isGone
  }

  /** Says something and waits for the reply. Rejects with RunnerGone. */
  ask(message: HostMessage, text: string, deadlineMs: number): Promise<Frame<RunnerMessage>> {
    const reply = this.#exchange(deadlineMs)
    if (!this.#isGone) this.#socket.write(encodeFrame(message, text))
    return reply
  }

  /** Waits for what a reply announced. Rejects with RunnerGone. */
  rest(deadlineMs: number): Promise<Frame<RunnerMessage>> {
    return this.#exchange(deadlineMs)
  }

  kill(end: RunnerEnd): void {
    if (this.#isGone) return
    this.#end ??= end
    this.#child.kill('SIGKILL')
    this.#gone()
  }

  /** Kills it, and waits until the system has taken it away. */
  async close(): Promise<void> {
    this.kill('closed')
    this.#child.ref()
    await this.#exited
  }

  /** Settles once the process is gone, whoever ended it. */
  get exited(): Promise<void> {
    return this.#exited
  }

  /**
   * A plugin under suspicion must not take the processor from what serves buyers. Where the system weighs sessions against each other (autogroup),
   * it is the session's weight that counts, and a runner is one.
   */
  setNice(nice: number): void {
    for (const thread of threadsOf(this.pid)) attempt(() => setPriority(thread, nice))
    attempt(() => writeFileSync(`/proc/${this.pid}/autogroup`, String(nice)))
  }

  #exchange(deadlineMs: number): Promise<Frame<RunnerMessage>> {
    if (this.#isGone) return Promise.reject(this.#reason())
    if (this.#waiting) throw new Error('a runner takes one message at a time')
    this.#socket.ref()
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout
      const settle = () => {
        clearTimeout(timer)
        this.#waiting = undefined
        this.#socket.unref()
      }
      const waiting: Waiting = {
        begunAt: performance.now(),
        extensions: 0,
        resolve: (frame) => {
          settle()
          resolve(frame)
        },
        reject: (gone) => {
          settle()
          reject(gone)
        },
      }
      const wait = () => {
        // After the sockets have been looked at once more: when this process itself was held up, the reply may be there already.
        timer = setTimeout(() => setImmediate(() => this.#waiting === waiting && this.#overdue(waiting, wait)), deadlineMs)
      }
      this.#waiting = waiting
      wait()
      // What is left for after an answer may have come together with it.
      this.#deliver()
    })
  }

  #overdue(waiting: Waiting, wait: () => void): void {
    const used = processorMs(this.pid)
    const elapsedMs = performance.now() - waiting.begunAt
    const wasStarved = used !== undefined && this.#usedMs !== undefined && used - this.#usedMs < elapsedMs * STARVED_SHARE
    if (wasStarved && waiting.extensions < EXTENSIONS_MAX) {
      waiting.extensions++
      wait()
    } else this.kill('deadline')
  }

  #watch(settings: RunnerSettings): Promise<void> {
    const child = this.#child
    child.unref()
    let release: (() => void) | undefined
    if (settings.controlGroup !== undefined && child.pid !== undefined) {
      try {
        release = limitMemory(settings.controlGroup, child.pid, settings.memoryBytesMax)
      } catch (error) {
        child.kill('SIGKILL')
        throw error
      }
    }
    const errors = child.stderr! as Socket
    errors.unref()
    errors.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-ERRORS_KEPT_CHARACTERS)
    })
    this.#socket.unref()
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    this.#socket.on('error', () => undefined)
    return new Promise((resolve) => {
      child.once('error', (error) => {
        this.#errors += error.message
        this.#gone()
        resolve()
      })
      // Close and not exit: by then its last words have been read.
      child.once('close', (_code, signal) => {
        release?.()
        this.#end ??= this.#endOf(signal, settings)
        this.#gone()
        resolve()
      })
    })
  }

  #receive(chunk: Buffer): void {
    this.#reader.push(chunk)
    this.#deliver()
  }

  #deliver(): void {
    if (this.#waiting === undefined) return
    try {
      const frame = this.#reader.next()
      if (frame === undefined) return
      if (frame.message.type === 'ready') this.#usedMs = processorMs(this.pid)
      if (frame.message.type === 'answer') this.#usedMs = frame.message.usedMs
      this.#waiting.resolve(frame)
    } catch {
      this.kill('crashed')
    }
  }

  #endOf(signal: NodeJS.Signals | null, settings: RunnerSettings): RunnerEnd {
    if (/out of memory|allocation failed/i.test(this.#errors) || this.#errors.includes(OVER_MEMORY)) return 'memory'
    if (this.#errors.includes(OVER_TIME)) return 'deadline'
    // Nobody of ours: the kernel, which enforces a limit that we gave it, or an operator.
    if (signal === 'SIGKILL') return settings.controlGroup === undefined ? 'vanished' : 'memory'
    return 'crashed'
  }

  #gone(): void {
    this.#isGone = true
    this.#waiting?.reject(this.#reason())
  }

  #reason(): RunnerGone {
    const end = this.#end ?? 'crashed'
    return new RunnerGone(end, `its process ended: ${end}`)
  }
}

function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number)
  } catch {
    return [pid]
  }
}

/** What the system may refuse, or not know: the runner then runs as it is. */
function attempt(act: () => void): void {
  try {
    act()
  } catch {
    // Gone by now, or not allowed.
  }
}
