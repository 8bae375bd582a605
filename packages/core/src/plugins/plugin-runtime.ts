import type { InMerchant } from '@souk/tenant-router/router.ts'
import { callingOut } from '@souk/tenant-router/use-case.ts'
import { LRUCache } from 'lru-cache'
import { Breaker, type BreakerState, type CallOutcome } from './breaker.ts'
import { type PluginBudget, planBudget } from './budget.ts'
import { CallLog } from './call-log.ts'
import { cordonOf, type InstalledPlugin, releaseFor, type ServedRelease } from './installs-in-force.ts'
import type { ExtensionPoint, FailureReason, PluginPort, ProviderAnswer } from './port.ts'
import { loadBundle } from './releases.ts'
import { answerTrouble } from './trouble.ts'

export interface PluginRuntimeOptions {
  port: PluginPort
  /** What the platform has stopped: a bundle, a plugin, or all of a merchant's plugins. */
  isBlocked: (asked: { merchantId: string; plugin: string; digest: string }) => boolean
  onError: (error: unknown) => void
  /** What the merchant's plan lets its plugins cost a day; as for everybody if it is not said. */
  budgetOf?: (merchantId: string) => PluginBudget
  /** Told what each call took. */
  onCpu?: (merchantId: string, cpuMs: number) => void
  now?: () => Date
}

export interface PluginQuestion {
  install: InstalledPlugin
  point: ExtensionPoint
  hook: string
  input: unknown
  stickyKey: string
}

/** An answer together with who gave it. */
export interface Answered {
  install: InstalledPlugin
  release: ServedRelease
  answer: ProviderAnswer
}

const US_PER_MS = 1_000
const BREAKERS_MAX = 20_000
const BUNDLES_BYTES_MAX = 64 * 1024 * 1024

/**
 * What a process has of plugins beside their runners: breakers, the log behind the answers, the bundles it has read.
 * One per process.
 */
export class PluginRuntime {
  readonly port: PluginPort
  readonly log: CallLog
  readonly #options: PluginRuntimeOptions
  readonly #now: () => Date
  readonly #breakers = new LRUCache<string, Breaker>({ max: BREAKERS_MAX })
  readonly #bundles = new LRUCache<string, string>({ maxSize: BUNDLES_BYTES_MAX, sizeCalculation: (bundle) => bundle.length + 1 })
  readonly #troubles = new Set<Promise<void>>()

  constructor(options: PluginRuntimeOptions) {
    this.#options = options
    this.port = options.port
    this.#now = options.now ?? (() => new Date())
    this.log = new CallLog(options.onError, options.budgetOf ?? (() => planBudget()))
  }

  /** Asks a plugin. Never rejects for what the plugin does; what came of it is logged and counted. */
  async ask(inMerchant: InMerchant, { install, point, hook, input, stickyKey }: PluginQuestion): Promise<Answered> {
    const release = releaseFor(install, stickyKey)
    const merchantId = inMerchant.merchant.id
    const breaker = this.#breaker(merchantId, release.id, point)
    const refusal = this.#refusal(merchantId, release, breaker)
    if (refusal) return { install, release, answer: refused(refusal) }
    const calledAt = this.#now()
    const answer = await callingOut('plugin', () =>
      this.port.call({
        merchantId,
        release,
        loadBundle: () => this.#bundle(inMerchant, release),
        configuration: install.configuration,
        point,
        hook,
        input,
        cordon: cordonOf(release, calledAt),
      }),
    )
    this.#note(inMerchant, { install, release, answer }, { hook, calledAt, breaker })
    return { install, release, answer }
  }

  /** As the staff of a merchant see it, and as this process knows it. */
  breakerState(merchantId: string, releaseId: string, point: ExtensionPoint): BreakerState {
    return this.#breakers.get(`${merchantId}|${releaseId}|${point}`)?.state(this.#now().getTime()) ?? 'closed'
  }

  /** Closes the breakers of a release again, by a hand's order. */
  resetBreakers(merchantId: string, releaseId: string): void {
    for (const key of [...this.#breakers.keys()]) if (key.startsWith(`${merchantId}|${releaseId}|`)) this.#breakers.delete(key)
  }

  /** Writes what is not yet written. */
  async close(): Promise<void> {
    await Promise.all(this.#troubles)
    await this.log.flush()
  }

  #breaker(merchantId: string, releaseId: string, point: ExtensionPoint): Breaker {
    const key = `${merchantId}|${releaseId}|${point}`
    const breaker = this.#breakers.get(key) ?? new Breaker()
    this.#breakers.set(key, breaker)
    return breaker
  }

  #refusal(merchantId: string, release: ServedRelease, breaker: Breaker): { reason: FailureReason; detail: string } | undefined {
    if (this.#options.isBlocked({ merchantId, plugin: release.plugin, digest: release.digest })) {
      return { reason: 'blocked', detail: 'The platform has stopped this plugin.' }
    }
    if (!this.log.hasBudget(merchantId, this.#now()))
      return { reason: 'budget_spent', detail: 'The plugins of this shop have spent their day.' }
    if (breaker.allows(this.#now().getTime())) return undefined
    return { reason: 'breaker_open', detail: 'This plugin failed too often and is left alone for a while.' }
  }

  async #bundle(inMerchant: InMerchant, release: ServedRelease): Promise<string> {
    // By merchant too: whose code runs for whom is never decided by a digest.
    const key = `${inMerchant.merchant.id}|${release.id}`
    const known = this.#bundles.get(key)
    if (known !== undefined) return known
    const bundle = await loadBundle(inMerchant, release.id)
    this.#bundles.set(key, bundle)
    return bundle
  }

  #note(inMerchant: InMerchant, { install, release, answer }: Answered, call: { hook: string; calledAt: Date; breaker: Breaker }): void {
    const { installId, configuration, logAllUntil } = install
    const { id: releaseId, plugin, version } = release
    const keepAll = logAllUntil !== null && call.calledAt < new Date(logAllUntil)
    const record = { installId, releaseId, plugin, version, hook: call.hook, configuration, answer, calledAt: call.calledAt, keepAll }
    if (answer.ok || answer.reason !== 'hook_missing') this.log.add(inMerchant, record)
    if (answer.cpuUs > 0) this.#options.onCpu?.(inMerchant.merchant.id, answer.cpuUs / US_PER_MS)
    const outcome = outcomeOf(answer)
    if (outcome === undefined) call.breaker.giveBack()
    else if (call.breaker.record(outcome, this.#now().getTime())) this.#answerTrouble(inMerchant, { installId, releaseId, answer })
  }

  #answerTrouble(
    inMerchant: InMerchant,
    { installId, releaseId, answer }: { installId: string; releaseId: string; answer: ProviderAnswer },
  ): void {
    const reason = answer.ok ? '' : `${answer.reason}: ${answer.detail}`
    const trouble = this.log
      .flush()
      .then(() => answerTrouble(inMerchant, { installId, releaseId, reason }, this.#now()))
      .catch(this.#options.onError)
      .finally(() => this.#troubles.delete(trouble))
    this.#troubles.add(trouble)
  }
}

// These say nothing about the plugin: our queue, our input, and a hook that it is free to leave out.
const NOT_ITS_FAULT: ReadonlySet<FailureReason> = new Set(['unavailable', 'input_too_large', 'hook_missing'])

/** What the breaker is told. */
function outcomeOf(answer: ProviderAnswer): CallOutcome | undefined {
  if (answer.ok) return 'ok'
  if (answer.reason === 'timeout') return 'timeout'
  if (answer.reason === 'killed' || answer.reason === 'memory') return 'killed'
  return NOT_ITS_FAULT.has(answer.reason) ? undefined : 'failed'
}

function refused(why: { reason: FailureReason; detail: string }): ProviderAnswer {
  return { ok: false, ...why, contract: '', input: null, cpuUs: 0, wallUs: 0, logs: [] }
}
