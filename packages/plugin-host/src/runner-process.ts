import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { setPriority } from 'node:os'
import { fileURLToPath } from 'node:url'
import { runnerArguments } from './confinement.ts'
import { limitMemory } from './memory-group.ts'
import { processorMs } from './processor-time.ts'
import { encodeFrame, type Frame, FrameReader, type HostMessage, type RunnerMessage } from './sandbox/frames.ts'
import { KILL_GRACE_MS, LOAD_MS_MAX, PUT_OFF_MS_MAX } from './sandbox/limits.ts'
import { OVER_MEMORY, OVER_TIME } from './sandbox/watchdog.ts'

export interface RunnerSettings {
  file: URL
  launcher: readonly string[]
  memoryBytesMax: number
  /** A folder of the control group file system to limit runners in. */
  controlGroup: string | undefined
  /** For how long a kill is put off at most while the process is denied the processor; at least for as long as the call has. A second by default. */
  putOffMsMax?: number | undefined
}

/** Why a process is gone. `starved`: its deadline was over, and it had hardly been given the processor. */
export type RunnerEnd = 'deadline' | 'starved' | 'memory' | 'crashed' | 'vanished' | 'closed'

export class RunnerGone extends Error {
  readonly end: RunnerEnd
  /** For how long it had worked at what it was asked; undefined when it had not come to it. */
  readonly workedMs: number | undefined

  constructor(end: RunnerEnd, detail: string, workedMs?: number) {
    super(detail)
    this.end = end
    this.workedMs = workedMs
  }
}

/** What a runner said, and what it says once it is done with the work that it announced for after the answer. */
export type Reply = Frame<RunnerMessage> & { rested: Promise<Frame<RunnerMessage>> | undefined }

const SOCKET = 3
const START_MS_MAX = 20_000
const ERRORS_KEPT_CHARACTERS = 2_000
/** Of the target: at this a runner gives isolates up. The rest is room for one call to be killed in. */
const MEMORY_TARGET_SHARE = 0.6

/**
 * A deadline is put off while the runner has had the processor for less than this share of the time that it was given: on an overloaded machine
 * it was not the plugin that took too long.
 */
const STARVED_SHARE = 0.6

interface Waiting {
  deadlineMs: number
  /** For what it does after an answer. */
  restDeadlineMs: number
  /** Its deadline runs from when the runner came to it. */
  begunAt: number | undefined
  wasPutOff: boolean
  timer: NodeJS.Timeout | undefined
  resolve(reply: Reply): void
  reject(gone: RunnerGone): void
}

/**
 * One child process that runs plugins, one message after the other in the order in which it was asked. Whatever goes on inside, an exchange ends
 * by its deadline: with a reply, or with the process killed.
 */
export class RunnerProcess {
  readonly ready: Promise<void>
  readonly #child: ChildProcess
  readonly #socket: Socket
  readonly #reader = new FrameReader<RunnerMessage>()
  readonly #exited: Promise<void>
  /** The first is what it works at. */
  readonly #waiting: Waiting[] = []
  readonly #putOffMsMax: number
  /** Milliseconds of a processor it had used when it last rested. */
  #usedMs: number | undefined
  #end: RunnerEnd | undefined
  #isGone = false
  #errors = ''

  constructor(settings: RunnerSettings) {
    const { memoryBytesMax, putOffMsMax = PUT_OFF_MS_MAX } = settings
    this.#putOffMsMax = putOffMsMax
    const command = [...settings.launcher, process.execPath, ...runnerArguments(settings.file), fileURLToPath(settings.file)]
    const given = [memoryBytesMax, Math.round(memoryBytesMax * MEMORY_TARGET_SHARE), process.pid, putOffMsMax].map(String)
    // No environment, no working folder of ours, no standard input; a session of its own, so that Ctrl-C in a terminal is not for it.
    this.#child = spawn(command[0]!, [...command.slice(1), ...given], {
      cwd: '/',
      env: {},
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      detached: true,
    })
    this.#socket = this.#child.stdio[SOCKET] as Socket
    this.#exited = this.#watch(settings)
    this.ready = this.#exchange(START_MS_MAX, 0).then(
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

  /** Says something and waits for the reply. More may be said before it comes. Rejects with RunnerGone. */
  ask(message: HostMessage, text: string, deadlineMs: number): Promise<Reply> {
    const wallMs = 'wallMs' in message ? message.wallMs : 0
    const reply = this.#exchange(deadlineMs, LOAD_MS_MAX + wallMs + KILL_GRACE_MS)
    if (!this.#isGone) this.#write(encodeFrame(message, text))
    return reply
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
    // Its exit is not the end: what it wrote is read to the end first, and a program that waits for us alone must not end meanwhile.
    for (const held of [this.#child, this.#child.stderr as Socket, this.#socket]) held.ref()
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

  #exchange(deadlineMs: number, restDeadlineMs: number): Promise<Reply> {
    if (this.#isGone) return Promise.reject(this.#reason(undefined))
    return this.#await((waiting) => this.#waiting.push(waiting), deadlineMs, restDeadlineMs)
  }

  /** At once when the runner has nothing to do; what is for later in line goes together, which costs half. */
  #write(frame: Buffer): void {
    if (this.#waiting.length > 1 && this.#socket.writableCorked === 0) {
      this.#socket.cork()
      process.nextTick(() => this.#socket.uncork())
    }
    this.#socket.write(frame)
  }

  #await(enqueue: (waiting: Waiting) => void, deadlineMs: number, restDeadlineMs: number): Promise<Reply> {
    this.#socket.ref()
    return new Promise((resolve, reject) => {
      enqueue({ deadlineMs, restDeadlineMs, begunAt: undefined, wasPutOff: false, timer: undefined, resolve, reject })
      this.#begin()
    })
  }

  /** The time of what is first runs, whether or not it has just become first. */
  #begin(): void {
    const [first] = this.#waiting
    if (first === undefined || first.begunAt !== undefined) return
    first.begunAt = performance.now()
    this.#wait(first)
  }

  #wait(waiting: Waiting): void {
    const look = () => this.#waiting[0] === waiting && this.#overdue(waiting)
    // After the sockets have been looked at once more: when this process itself was held up, the reply may be there already.
    waiting.timer = setTimeout(() => setImmediate(look), waiting.deadlineMs)
  }

  #overdue(waiting: Waiting): void {
    const used = processorMs(this.pid)
    const { deadlineMs, begunAt } = waiting
    const wasStarved = used !== undefined && this.#usedMs !== undefined && used - this.#usedMs < deadlineMs * STARVED_SHARE
    const putOffMs = performance.now() - begunAt! - deadlineMs
    // A machine that stood still, and this process with it, has the clock say much and nobody had a chance.
    if (wasStarved && (!waiting.wasPutOff || putOffMs < Math.max(deadlineMs, this.#putOffMsMax))) {
      waiting.wasPutOff = true
      this.#wait(waiting)
    } else this.kill(wasStarved ? 'starved' : 'deadline')
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
    try {
      for (;;) {
        const frame = this.#waiting.length > 0 && !this.#isGone ? this.#reader.next() : undefined
        if (frame === undefined) return
        this.#deliver(frame)
      }
    } catch {
      this.kill('crashed')
    }
  }

  #deliver(frame: Frame<RunnerMessage>): void {
    const { message } = frame
    const waiting = this.#waiting.shift()!
    clearTimeout(waiting.timer)
    if (message.type === 'ready') this.#usedMs = processorMs(this.pid)
    if (message.type === 'answer') this.#usedMs = message.usedMs
    const isMoreToCome = message.type === 'answer' && message.more
    const rested = isMoreToCome ? this.#await((rest) => this.#waiting.unshift(rest), waiting.restDeadlineMs, 0) : undefined
    rested?.catch(() => undefined)
    waiting.resolve({ ...frame, rested })
    this.#begin()
    if (this.#waiting.length === 0) this.#socket.unref()
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
    for (const waiting of this.#waiting.splice(0)) {
      clearTimeout(waiting.timer)
      waiting.reject(this.#reason(waiting.begunAt))
    }
    this.#socket.unref()
  }

  #reason(begunAt: number | undefined): RunnerGone {
    const end = this.#end ?? 'crashed'
    return new RunnerGone(end, `its process ended: ${end}`, begunAt === undefined ? undefined : performance.now() - begunAt)
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
