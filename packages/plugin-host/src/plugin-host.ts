import { Conduct } from './conduct.ts'
import type { Confinement } from './confinement.ts'
import type { Outcome, PendingCall } from './pending-call.ts'
import {
  type Cordon,
  type FailureReason,
  failed,
  type Inspection,
  NO_COST,
  type PluginAnswer,
  type PluginCall,
  Written,
} from './plugin-call.ts'
import { readAnswer } from './read-answer.ts'
import { RunnerGroup, type SlotState } from './runner-group.ts'
import type { RunnerEnd } from './runner-process.ts'
import { RunnerSupply } from './runner-supply.ts'
import { CONFIGURATION_BYTES_MAX, DETAIL_CHARACTERS_MAX, INPUT_BYTES_MAX, outputBytesMax, WALL_MS_MAX, wallMsOf } from './sandbox/limits.ts'
import { SourceChecks } from './source-checks.ts'

export interface KilledRunner {
  merchantId: string
  digest: string
  cordon: Cordon
  end: RunnerEnd
  pid: number
}

export interface PluginHostOptions {
  /** Processes of the cordons `stable` and `new`, each; `quarantine` has one. 2 or more, so that one stuck call does not stop the others. */
  runners?: number
  /** Processes kept ready to take the place of a killed one. */
  spareRunners?: number
  /** Resident bytes a process may have before it is killed. */
  memoryBytesMax?: number
  /** A writable folder of the control group file system (version 2 or 1): the kernel then enforces the memory too. */
  controlGroup?: string | undefined
  /** For how long a call that is over its time is left alone at most while its process is denied the processor. */
  putOffMsMax?: number
  /** Calls that may wait in each cordon, and of one merchant. */
  queueMax?: number
  queueOfMerchantMax?: number
  /** How long a call may wait for a runner. */
  queueMsMax?: number
  /** The share of calls that are made a second time in a fresh isolate, to see that the answer is the same. */
  repeatRate?: number
  /** Runners of the cordons `new` and `quarantine` end after so long without a call. */
  idleMsMax?: number
  onRunnerKilled?: (killed: KilledRunner) => void
  /** A process that should run plugins did not come up. It is tried again, more and more rarely. */
  onStartFailure?: (detail: string) => void
  /** The same input gave another answer. */
  onDifference?: (plugin: { merchantId: string; digest: string; hook: string }) => void
  /** Where the programs of runner and source check are; beside this file by default. */
  files?: { runner: URL; sourceCheckThread: URL }
}

export interface PluginHostStats {
  /** Answers by outcome, `ok` or the reason. */
  answers: Record<'ok' | FailureReason, number>
  /** Processes ended because of a plugin. */
  kills: number
  /** Processes started, and those that wait to be needed. */
  starts: number
  spares: number
  queued: number
  running: number
  isolates: number
  rssBytes: number
  /** Calls made a second time, and how many of them answered otherwise. */
  repeated: number
  differences: number
  runners: SlotState[]
  confinement: Omit<Confinement, 'launcher'> | undefined
  /** Why no runner could be started the last time it was tried. */
  startFailure: string | undefined
}

const DEFAULTS = {
  runners: 2,
  spareRunners: 1,
  memoryBytesMax: 1_000 * 1_048_576,
  queueMax: 1_000,
  queueOfMerchantMax: 100,
  queueMsMax: 1_000,
  repeatRate: 0.01,
  idleMsMax: 10 * 60_000,
}
const RECYCLE_SHARE = 0.8
const IDLE_LOOKS = 10
const OUTPUT_BYTES_MAX = 1_000_000
const NICE: Record<Cordon, number> = { stable: 0, new: 5, quarantine: 19 }
const HOOK = /^([a-z][a-z_]*@[1-9]\d{0,3})\.([A-Za-z][A-Za-z0-9]{0,60})$/
const INSPECT_WALL_MS = 250
const START_MS_MAX = 10_000
const SHUTTING_DOWN = 'plugins are being shut down'
const NOBODY_WAITS = 'nobody waits for it any more'

/**
 * Runs plugins, whose code nobody trusts, in processes that may be killed. A call is answered by its deadline whatever the plugin does, and is
 * never rejected because of it. Plugins keep nothing between calls.
 */
export class PluginHost {
  readonly #options: typeof DEFAULTS & PluginHostOptions
  readonly #supply: RunnerSupply
  readonly #checks: SourceChecks
  readonly #groups: Record<Cordon, RunnerGroup>
  readonly #conduct = new Conduct()
  readonly #answers = noAnswers()
  readonly #idleLook: NodeJS.Timeout
  #kills = 0
  #repeated = 0
  #differences = 0
  #closing: Promise<void> | undefined

  constructor(options: PluginHostOptions = {}) {
    this.#options = { ...DEFAULTS, ...options }
    const { runners, spareRunners, memoryBytesMax, controlGroup, putOffMsMax, idleMsMax } = this.#options
    const files = options.files ?? { runner: beside('./sandbox/runner'), sourceCheckThread: beside('./source-check-thread') }
    this.#checks = new SourceChecks(files.sourceCheckThread)
    this.#supply = new RunnerSupply({
      ...{ file: files.runner, memoryBytesMax, controlGroup, putOffMsMax, spares: spareRunners },
      onFailure: (detail) => options.onStartFailure?.(detail),
    })
    const events = {
      onKilled: (call: PendingCall, end: RunnerEnd, pid: number) => this.#tellKilled(call, end, pid),
      onRepeated: (call: PendingCall, differed: boolean) => this.#tellRepeated(call, differed),
    }
    const group = (cordon: Cordon, count: number) =>
      new RunnerGroup({ cordon, runners: count, nice: NICE[cordon], recycleBytes: memoryBytesMax * RECYCLE_SHARE }, this.#supply, events)
    this.#groups = { stable: group('stable', runners), new: group('new', runners), quarantine: group('quarantine', 1) }
    this.#idleLook = setInterval(() => {
      this.#groups.new.rest(idleMsMax)
      this.#groups.quarantine.rest(idleMsMax)
    }, idleMsMax / IDLE_LOOKS).unref()
  }

  /** Starts the runners of the stable cordon and the spare ones, which otherwise happens at the first call. */
  async start(): Promise<void> {
    await this.#groups.stable.start()
    this.#supply.replenish()
    await this.#supply.settled()
  }

  async call(call: PluginCall): Promise<PluginAnswer> {
    const answer = await this.#call(call)
    this.#answers[answer.ok ? 'ok' : answer.reason]++
    return answer
  }

  /** Loads a bundle once, for nobody, and answers what it registers. */
  async inspect(bundle: { digest: string; source: string }): Promise<Inspection> {
    const verdict = await this.#checks.check(bundle)
    if (!verdict.mayRun) return { ok: false, reason: verdict.reason, detail: verdict.detail }
    const inspection = { merchantId: '', bundle, configuration: null, cordon: 'new' as const, hook: 'inspect@1.hooks', input: null }
    const outcome = await this.#send({ ...inspection, limits: { wallMs: INSPECT_WALL_MS } }, { configuration: '', input: '' }, 'inspect')
    const answer = toAnswer(outcome)
    if (!answer.ok) return { ok: false, reason: answer.reason, detail: answer.detail }
    return { ok: true, hooks: Object.fromEntries(answer.output as [string, string[]][]) }
  }

  stats(): PluginHostStats {
    const groups = Object.values(this.#groups)
    const runners = groups.flatMap(({ states }) => states)
    const sum = (numbers: number[]) => numbers.reduce((one, other) => one + other, 0)
    const { confinement } = this.#supply
    return {
      answers: { ...this.#answers },
      kills: this.#kills,
      starts: this.#supply.starts,
      spares: this.#supply.spares,
      queued: sum(groups.map(({ queued }) => queued)),
      running: sum(groups.map(({ running }) => running)),
      isolates: sum(runners.map(({ isolates }) => isolates)),
      rssBytes: sum(runners.map(({ rssBytes }) => rssBytes)),
      repeated: this.#repeated,
      differences: this.#differences,
      runners,
      confinement: confinement && { hasNoNetwork: confinement.hasNoNetwork, hasOwnAccount: confinement.hasOwnAccount },
      startFailure: this.#supply.failure,
    }
  }

  /** Ends all runners at once, whatever they are doing; calls on their way are answered `unavailable`. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    clearInterval(this.#idleLook)
    const waiting = Object.values(this.#groups).flatMap((group) => group.close())
    for (const call of waiting) call.settle({ kind: 'unavailable', detail: SHUTTING_DOWN })
    await Promise.all([this.#supply.close(), this.#checks.close()])
  }

  async #call(call: PluginCall): Promise<PluginAnswer> {
    const texts = { configuration: JSON.stringify(call.configuration ?? null), input: jsonOf(call.input) }
    if (Buffer.byteLength(texts.input) > INPUT_BYTES_MAX) return failed('input_too_large', `an input of over ${INPUT_BYTES_MAX} bytes`)
    if (Buffer.byteLength(texts.configuration) > CONFIGURATION_BYTES_MAX) {
      return failed('input_too_large', `a configuration of over ${CONFIGURATION_BYTES_MAX} bytes`)
    }
    if (!HOOK.test(call.hook)) return failed('refused', 'a hook is called contract@major.name')
    const verdict = this.#checks.known(call.bundle.digest) ?? (await this.#checks.check(call.bundle))
    if (!verdict.mayRun) return failed(verdict.reason, verdict.detail)
    const plugin = { merchantId: call.merchantId, digest: call.bundle.digest }
    const restMs = this.#conduct.restMs(plugin, performance.now())
    if (restMs > 0)
      return failed('unavailable', `it cost a process, or others of this shop did, and is not run for ${Math.ceil(restMs / 1_000)} s`)
    const outcome = await this.#send(call, texts, 'call')
    const answer = toAnswer(outcome)
    if (outcome.kind === 'answered') {
      const isTimeout = !answer.ok && answer.reason === 'timeout'
      this.#conduct.remember(plugin, { cpuMs: answer.cpuMs, outcome: isTimeout ? 'timeout' : 'other' }, performance.now())
    }
    return answer
  }

  #send(call: PluginCall, texts: { configuration: string; input: string }, work: PendingCall['work']): Promise<Outcome> {
    const { merchantId, bundle, limits = {}, signal, onSibling = false } = call
    const plugin = { merchantId, digest: bundle.digest }
    const cordon = this.#conduct.isSuspect(plugin, performance.now()) ? 'quarantine' : call.cordon
    const group = this.#groups[cordon]
    const full = this.#whyNot(group, call)
    if (full !== undefined) return Promise.resolve({ kind: 'unavailable', detail: full })
    const [, contract = '', hook = ''] = HOOK.exec(call.hook)!
    const wallMs = Math.max(1, Math.min(limits.wallMs ?? wallMsOf(call.hook), WALL_MS_MAX))
    const asked = {
      ...{ merchantId, bundle, plugin: `${merchantId} ${bundle.digest}`, cordon, work, ...texts, contract, hook, wallMs, onSibling },
      outputBytesMax: Math.min(limits.outputBytesMax ?? outputBytesMax(call.input), OUTPUT_BYTES_MAX),
      isSlow: this.#conduct.isSlow(plugin),
      repeat: work === 'call' && Math.random() < this.#options.repeatRate,
    }
    return this.#queue(group, asked, signal)
  }

  #whyNot(group: RunnerGroup, { merchantId, signal }: PluginCall): string | undefined {
    if (this.#closing !== undefined) return SHUTTING_DOWN
    if (signal?.aborted) return NOBODY_WAITS
    if (group.queued >= this.#options.queueMax) return 'too many calls are waiting'
    if (group.queuedOf(merchantId) >= this.#options.queueOfMerchantMax) return 'too many calls of this merchant are waiting'
    return undefined
  }

  #queue(
    group: RunnerGroup,
    asked: Omit<PendingCall, 'queuedAt' | 'attempts' | 'settle'>,
    signal: AbortSignal | undefined,
  ): Promise<Outcome> {
    const { queueMsMax } = this.#options
    return new Promise((resolve) => {
      const pending: PendingCall = {
        ...asked,
        queuedAt: performance.now(),
        attempts: 0,
        settle: (outcome) => {
          clearTimeout(timer)
          signal?.removeEventListener('abort', onAbort)
          resolve(outcome)
        },
      }
      const onAbort = () => {
        // One that runs goes on to its end, which is near; nobody listens.
        group.remove(pending)
        pending.settle({ kind: 'unavailable', detail: NOBODY_WAITS })
      }
      const onWaited = () => {
        const waitedMs = performance.now() - pending.queuedAt
        // At a first call processes have yet to start, which they do soon or not at all.
        if (group.isStarting && this.#supply.failure === undefined && waitedMs < START_MS_MAX) timer = setTimeout(onWaited, queueMsMax)
        else if (group.remove(pending))
          pending.settle({ kind: 'unavailable', detail: this.#supply.failure ?? 'no runner was free in time' })
        // It runs; should its process end, it may have to wait again.
        else timer = setTimeout(onWaited, queueMsMax)
      }
      let timer = setTimeout(onWaited, queueMsMax)
      signal?.addEventListener('abort', onAbort)
      group.add(pending)
    })
  }

  #tellKilled({ merchantId, bundle, cordon, wallMs }: PendingCall, end: RunnerEnd, pid: number): void {
    this.#kills++
    this.#conduct.remember({ merchantId, digest: bundle.digest }, { cpuMs: wallMs, outcome: 'killed' }, performance.now())
    this.#options.onRunnerKilled?.({ merchantId, digest: bundle.digest, cordon, end, pid })
  }

  #tellRepeated({ merchantId, bundle, contract, hook }: PendingCall, differed: boolean): void {
    this.#repeated++
    if (!differed) return
    this.#differences++
    this.#options.onDifference?.({ merchantId, digest: bundle.digest, hook: `${contract}.${hook}` })
  }
}

function jsonOf(input: unknown): string {
  return input instanceof Written ? input.json : JSON.stringify(input ?? null)
}

function toAnswer(outcome: Outcome): PluginAnswer {
  switch (outcome.kind) {
    case 'refused':
    case 'unavailable':
      return failed(outcome.kind, short(outcome.detail))
    case 'killed':
      // Nobody could count: it may have used the processor all that time.
      return failed(outcome.reason, outcome.detail, { ...NO_COST, cpuMs: outcome.ranMs, wallMs: outcome.ranMs })
    case 'answered': {
      const { ok, reason, detail = '', cpuMs, wallMs, heapBytes, logs } = outcome.message
      const cost = { cpuMs, wallMs, heapBytes, logs }
      if (!ok) return failed(reason as FailureReason, short(detail), cost)
      const read = readAnswer(outcome.json)
      return read ? { ok: true, ...read, ...cost } : failed('output_invalid', 'an answer that is nested too deeply', cost)
    }
  }
}

function short(detail: string): string {
  return detail.slice(0, DETAIL_CHARACTERS_MAX)
}

function noAnswers(): Record<'ok' | FailureReason, number> {
  return {
    ...{ ok: 0, timeout: 0, memory: 0, threw: 0, output_too_large: 0, output_invalid: 0, input_too_large: 0, killed: 0, refused: 0 },
    unavailable: 0,
  }
}

/** A program of this package: TypeScript here, JavaScript where it was bundled. */
function beside(name: string): URL {
  return new URL(`${name}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
}
