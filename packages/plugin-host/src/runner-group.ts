import { type Conversed, converse } from './converse.ts'
import { FairQueue } from './fair-queue.ts'
import type { Outcome, PendingCall } from './pending-call.ts'
import type { Cordon } from './plugin-call.ts'
import { type RunnerEnd, RunnerGone, type RunnerProcess } from './runner-process.ts'
import type { RunnerSupply } from './runner-supply.ts'

/** So long a call waits for the runner that has its plugin warm, before it takes any: loading costs about as much. */
const HOME_WAIT_MS = 5
const WARM_REMEMBERED_MAX = 1_000
/** So many calls of one merchant may lie with a runner: the next begins when one is answered, not when the answer has come back here. */
const CALLS_IN_LINE_MAX = 4

/** Ends after which a plugin rests: it brought them about, or may have. */
const COST_A_PROCESS: ReadonlySet<RunnerEnd> = new Set(['deadline', 'starved', 'memory', 'crashed'])

export interface GroupSettings {
  cordon: Cordon
  runners: number
  /** Of the processes; 0 is as everybody, 19 only when nobody else wants the processor. */
  nice: number
  /** At so many resident bytes a runner is replaced when it rests. */
  recycleBytes: number
}

export interface GroupEvents {
  onKilled(call: PendingCall, end: RunnerEnd, pid: number): void
  onRepeated(call: PendingCall, differed: boolean): void
}

interface Slot {
  runner: RunnerProcess | undefined
  isStarting: boolean
  /** All of one merchant, in the order in which they run. */
  calls: Set<PendingCall>
  /** Plugins it probably has loaded, oldest first. The runner knows better and says so. */
  warm: Set<string>
  isolates: number
  rssBytes: number
  usedAt: number
}

export interface SlotState {
  cordon: Cordon
  pid: number
  isBusy: boolean
  isolates: number
  rssBytes: number
}

/** The runners of one cordon and the calls that wait for them. */
export class RunnerGroup {
  readonly #settings: GroupSettings
  readonly #supply: RunnerSupply
  readonly #events: GroupEvents
  readonly #queue = new FairQueue<PendingCall>()
  readonly #slots: Slot[]
  #nextLook: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(settings: GroupSettings, supply: RunnerSupply, events: GroupEvents) {
    this.#settings = settings
    this.#supply = supply
    this.#events = events
    this.#slots = Array.from({ length: settings.runners }, () => emptySlot())
  }

  get queued(): number {
    return this.#queue.size
  }

  queuedOf(merchantId: string): number {
    return this.#queue.sizeOf(merchantId)
  }

  /** True while there is no runner yet, but one on its way. */
  get isStarting(): boolean {
    return this.#slots.every(({ runner }) => runner === undefined) && this.#slots.some(({ isStarting }) => isStarting)
  }

  get running(): number {
    return this.#slots.reduce((sum, { calls }) => sum + calls.size, 0)
  }

  get states(): SlotState[] {
    return this.#slots.flatMap(({ runner, calls, isolates, rssBytes }) =>
      runner ? [{ cordon: this.#settings.cordon, pid: runner.pid, isBusy: calls.size > 0, isolates, rssBytes }] : [],
    )
  }

  add(call: PendingCall): void {
    this.#queue.add(call)
    this.#pump()
  }

  /** Takes a call back that has not begun. */
  remove(call: PendingCall): boolean {
    return this.#queue.remove(call)
  }

  /** Starts all runners, one after the other. */
  async start(): Promise<void> {
    await this.#fill(this.#slots[0]!)
  }

  /** Ends runners that nothing was asked of for so long. */
  rest(idleMs: number): void {
    const now = performance.now()
    for (const slot of this.#slots) {
      if (slot.runner === undefined || slot.calls.size > 0 || now - slot.usedAt < idleMs) continue
      slot.runner.kill('closed')
      this.#empty(slot)
    }
  }

  close(): PendingCall[] {
    this.#isClosed = true
    clearTimeout(this.#nextLook)
    return this.#queue.clear()
  }

  #pump(): void {
    if (this.#isClosed) return
    for (;;) {
      let chosen: Slot | undefined
      const call = this.#queue.take((waiting) => {
        chosen = this.#slotFor(waiting)
        return chosen !== undefined
      })
      if (call === undefined) break
      void this.#run(chosen!, call)
    }
    if (this.#queue.size > 0) this.#lookAgain()
  }

  /** Where a call may run now. One runner is always left to others than this merchant, and one to others than the slow. */
  #slotFor(call: PendingCall): Slot | undefined {
    const most = Math.max(1, this.#slots.length - 1)
    const own = this.#slots.filter((slot) => callIn(slot)?.merchantId === call.merchantId)
    if (own.length >= most) return this.#inLine(own, call)
    if (call.isSlow && this.#slots.filter((slot) => callIn(slot)?.isSlow).length >= most) return undefined
    const home = this.#slots[(hashOf(call.merchantId) + (call.onSibling ? 1 : 0)) % this.#slots.length]!
    if (home.runner === undefined) void this.#fill(home)
    if (isFree(home)) return home
    const free = this.#slots.filter(isFree)
    const warm = free.find(({ warm }) => warm.has(call.plugin)) ?? this.#inLine(own, call)
    if (warm !== undefined) return warm
    const mayGoAnywhere = home.runner === undefined || performance.now() - call.queuedAt >= HOME_WAIT_MS
    return mayGoAnywhere ? free[0] : undefined
  }

  /**
   * A runner that works for this merchant already, and may take the call too. Only while nobody else waits, and only what is known to be quick:
   * whoever comes next is not held up longer than by one call of a plugin that nobody knows.
   */
  #inLine(own: readonly Slot[], call: PendingCall): Slot | undefined {
    if (call.onSibling || call.work !== 'call' || this.#queue.hasOthers(call.merchantId)) return undefined
    const isQuick = ({ warm }: Slot, { plugin, isSlow }: PendingCall) => warm.has(plugin) && !isSlow
    return own.find(
      (slot) => !slot.runner!.isGone && slot.calls.size < CALLS_IN_LINE_MAX && [...slot.calls, call].every((one) => isQuick(slot, one)),
    )
  }

  async #run(slot: Slot, call: PendingCall): Promise<void> {
    const runner = slot.runner!
    const { calls } = slot
    calls.add(call)
    slot.usedAt = performance.now()
    call.attempts++
    let isSettled = false
    try {
      const reply = await converse(runner, call)
      isSettled = true
      call.settle(reply)
      if (reply.kind === 'answered') await this.#finish(slot, call, reply)
    } catch (error) {
      const gone =
        error instanceof RunnerGone ? error : new RunnerGone('crashed', error instanceof Error ? error.message : String(error), 0)
      this.#lose(slot, runner, call, gone, isSettled)
    }
    calls.delete(call)
    if (slot.runner === runner && calls.size === 0 && slot.rssBytes > this.#settings.recycleBytes) {
      runner.kill('closed')
      this.#empty(slot)
      void this.#fill(slot)
    }
    this.#pump()
  }

  async #finish(slot: Slot, call: PendingCall, { message, rested }: Extract<Conversed, { kind: 'answered' }>): Promise<void> {
    slot.isolates = message.isolates
    slot.rssBytes = message.rssBytes
    remember(slot.warm, call.plugin)
    if (rested === undefined) return
    const { message: last } = await rested
    // A failure is not repeated; there may be more to do all the same.
    if (last.type === 'rested' && call.repeat && message.ok) this.#events.onRepeated(call, last.differed)
  }

  #lose(slot: Slot, runner: RunnerProcess, call: PendingCall, gone: RunnerGone, isSettled: boolean): void {
    runner.kill('crashed')
    if (slot.runner === runner) {
      this.#empty(slot)
      if (gone.end !== 'closed') void this.#fill(slot)
    }
    const { workedMs } = gone
    const wasItsTurn = workedMs !== undefined
    if (wasItsTurn && COST_A_PROCESS.has(gone.end)) this.#events.onKilled(call, gone.end, runner.pid)
    if (isSettled) return
    // It had not begun, or nobody here ended that process; and plugins are pure: once more.
    const mayGoAgain = wasItsTurn ? gone.end === 'vanished' && call.attempts === 1 : gone.end !== 'closed'
    if (mayGoAgain && !this.#isClosed) this.#sendAgain(call, wasItsTurn)
    else call.settle(outcomeOf(gone, workedMs ?? 0))
  }

  #sendAgain(call: PendingCall, wasItsTurn: boolean): void {
    if (wasItsTurn) call.onSibling = true
    else call.attempts--
    call.queuedAt = performance.now()
    this.#queue.add(call)
  }

  async #fill(slot: Slot): Promise<void> {
    if (slot.runner !== undefined || slot.isStarting || this.#isClosed) return
    slot.isStarting = true
    const runner = this.#supply.takeSpare() ?? (await this.#supply.start())
    slot.isStarting = false
    if (runner === undefined || this.#isClosed) return
    Object.assign(slot, { runner, usedAt: performance.now() })
    if (this.#settings.nice > 0) runner.setNice(this.#settings.nice)
    void runner.exited.then(() => {
      if (slot.runner === runner && slot.calls.size === 0) this.#empty(slot)
    })
    this.#pump()
    const next = this.#slots.find(({ runner, isStarting }) => runner === undefined && !isStarting)
    if (next !== undefined) await this.#fill(next)
  }

  #empty(slot: Slot): void {
    Object.assign(slot, emptySlot(), { isStarting: slot.isStarting })
  }

  /** A call that waits for its home runner may go elsewhere after a while, though nothing else happens. */
  #lookAgain(): void {
    if (this.#nextLook !== undefined) return
    this.#nextLook = setTimeout(() => {
      this.#nextLook = undefined
      this.#pump()
    }, HOME_WAIT_MS)
  }
}

function emptySlot(): Slot {
  return { runner: undefined, isStarting: false, calls: new Set(), warm: new Set(), isolates: 0, rssBytes: 0, usedAt: 0 }
}

function isFree({ runner, calls }: Slot): boolean {
  return runner !== undefined && !runner.isGone && calls.size === 0
}

/** What a runner works at; those behind it are of the same merchant. */
function callIn({ calls }: Slot): PendingCall | undefined {
  return calls.values().next().value
}

function remember(warm: Set<string>, plugin: string): void {
  warm.delete(plugin)
  warm.add(plugin)
  if (warm.size > WARM_REMEMBERED_MAX) warm.delete(warm.values().next().value!)
}

function outcomeOf(gone: RunnerGone, ranMs: number): Outcome {
  switch (gone.end) {
    case 'deadline':
      return { kind: 'killed', reason: 'killed', detail: 'it could not be stopped, and its process was killed', ranMs }
    case 'starved':
      return { kind: 'unavailable', detail: 'the machine was too busy to run it' }
    case 'memory':
      return { kind: 'killed', reason: 'memory', detail: 'it used more memory than a process may have', ranMs }
    case 'crashed':
      return { kind: 'killed', reason: 'killed', detail: 'its process crashed', ranMs }
    case 'vanished':
      return { kind: 'unavailable', detail: 'its process ended, and so did the next one' }
    case 'closed':
      return { kind: 'unavailable', detail: 'plugins are being shut down' }
  }
}

/** FNV-1a: the same runner for the same merchant, while there are as many. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash >>> 0
}
