const PLUGINS_REMEMBERED_MAX = 10_000
/** More of a processor than this on average, and a plugin no longer gets the last free runner. */
const SLOW_MS = 10
const NEWEST_SHARE = 0.3
const TIMEOUTS_MAX = 3
/** Of all plugins of a merchant together. */
const TIMEOUTS_OF_MERCHANT_MAX = 6
/** So many processes a merchant may cost in ten minutes, before all of its plugins rest. */
const KILLS_OF_MERCHANT_MAX = 3
const KILLS_WATCHED_MS = 10 * 60_000
const WATCHED_MS = 60_000
const REST_MS_FIRST = 5_000
const REST_MS_MAX = 10 * 60_000

export interface Plugin {
  merchantId: string
  digest: string
}

export interface Ran {
  /** Of a processor. Time without one says nothing about the plugin: on a busy machine all would be slow. */
  cpuMs: number
  outcome: 'timeout' | 'killed' | 'other'
}

interface Conducted {
  averageMs: number
  timeouts: number
  watchedSince: number
  suspectUntil: number
  kills: number
  killsSince: number
  restsUntil: number
}

interface Limits {
  timeoutsMax: number
  /** Kills that go without a rest. */
  killsFree: number
}

const OF_PLUGIN: Limits = { timeoutsMax: TIMEOUTS_MAX, killsFree: 0 }
const OF_MERCHANT: Limits = { timeoutsMax: TIMEOUTS_OF_MERCHANT_MAX, killsFree: KILLS_OF_MERCHANT_MAX - 1 }

/**
 * How plugins behaved lately, by merchant and bundle, as far as it decides where they run next. Slow ones leave a runner to the quick. One that
 * ran out of time three times in a minute goes to quarantine for a minute, and all of a merchant whose plugins did so six times. One that cost a
 * process rests, and so do all of a merchant whose plugins cost three: a process takes a tenth of a second of a processor to start, and must not
 * be had for the asking. What a shop does with its
 * plugin is decided elsewhere.
 */
export class Conduct {
  readonly #plugins = new Map<string, Conducted>()

  isSlow(plugin: Plugin): boolean {
    return (this.#plugins.get(nameOf(plugin))?.averageMs ?? 0) > SLOW_MS
  }

  isSuspect(plugin: Plugin, now: number): boolean {
    const until = (name: string) => this.#plugins.get(name)?.suspectUntil ?? 0
    return until(nameOf(plugin)) > now || until(plugin.merchantId) > now
  }

  /** For how many milliseconds it may not run at all. */
  restMs(plugin: Plugin, now: number): number {
    const until = (name: string) => this.#plugins.get(name)?.restsUntil ?? 0
    return Math.max(0, Math.max(until(nameOf(plugin)), until(plugin.merchantId)) - now)
  }

  remember(plugin: Plugin, ran: Ran, now: number): void {
    this.#remember(nameOf(plugin), ran, OF_PLUGIN, now)
    if (ran.outcome !== 'other') this.#remember(plugin.merchantId, ran, OF_MERCHANT, now)
  }

  #remember(name: string, { cpuMs, outcome }: Ran, { timeoutsMax, killsFree }: Limits, now: number): void {
    const conducted = this.#plugins.get(name) ?? newcomer(cpuMs, now)
    conducted.averageMs += NEWEST_SHARE * (cpuMs - conducted.averageMs)
    if (now - conducted.watchedSince > WATCHED_MS) Object.assign(conducted, { timeouts: 0, watchedSince: now })
    // What a merchant's plugins cost long ago is not held against all of them.
    if (killsFree > 0 && now - conducted.killsSince > KILLS_WATCHED_MS) Object.assign(conducted, { kills: 0, killsSince: now })
    if (outcome !== 'other') conducted.timeouts++
    if (conducted.timeouts >= timeoutsMax) conducted.suspectUntil = Math.max(conducted.suspectUntil, now + WATCHED_MS)
    if (outcome === 'killed' && ++conducted.kills > killsFree) {
      conducted.restsUntil = now + Math.min(REST_MS_FIRST * 2 ** (conducted.kills - killsFree - 1), REST_MS_MAX)
      conducted.suspectUntil = conducted.restsUntil + WATCHED_MS
    }
    this.#plugins.delete(name)
    this.#plugins.set(name, conducted)
    if (this.#plugins.size > PLUGINS_REMEMBERED_MAX) this.#plugins.delete(this.#plugins.keys().next().value!)
  }
}

function newcomer(averageMs: number, now: number): Conducted {
  return { averageMs, timeouts: 0, watchedSince: now, suspectUntil: 0, kills: 0, killsSince: now, restsUntil: 0 }
}

function nameOf({ merchantId, digest }: Plugin): string {
  return `${merchantId} ${digest}`
}
