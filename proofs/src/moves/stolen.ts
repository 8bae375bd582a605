import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import type { Span } from './figures.ts'

const EVERY_MS = 500
// user, nice, system, idle, iowait, irq, softirq, steal; what follows is part of the first two. proc_stat(5)
const FIELDS = 8
/** Of the processors' time, what the host may give to others so that a while counts as quiet: 0 to 1. */
const QUIET_SHARE = 0.02

/** A while, and the share of the processors' time that the host gave to others then. */
export interface Stolen extends Span {
  share: number
}

/** Since the start of the machine, in ticks. */
interface Ticks {
  all: number
  stolen: number
}

/**
 * Notes how much of the processors the host of a virtual machine takes away: what is measured on a shared machine is measured beside
 * others, who come and go. Where the system does not say (no /proc/stat), nothing is noted.
 */
export function watchStolen(): { stop(): Promise<readonly Stolen[]> } {
  const seen: Stolen[] = []
  let isStopped = false
  const watching = (async () => {
    let last = { at: performance.now(), ticks: await readTicks() }
    while (!isStopped && last.ticks) {
      await pause(EVERY_MS)
      const now = { at: performance.now(), ticks: await readTicks() }
      if (now.ticks) seen.push({ from: last.at, to: now.at, share: shareBetween(last.ticks, now.ticks) })
      last = now
    }
  })()
  return {
    stop: async () => {
      isStopped = true
      await watching
      return seen
    },
  }
}

/** Those requests during all of which the host took hardly anything. */
export function whileQuiet<Of extends { sentAt: number; tookMs: number }>(requests: readonly Of[], stolen: readonly Stolen[]): Of[] {
  const loud = stolen.filter(({ share }) => share > QUIET_SHARE)
  return requests.filter(({ sentAt, tookMs }) => !loud.some(({ from, to }) => sentAt < to && sentAt + tookMs > from))
}

/** Out of the text of /proc/stat. */
export function ticksOf(stat: string): Ticks | undefined {
  const [name, ...fields] = (stat.split('\n')[0] ?? '').split(/\s+/)
  const ticks = fields.slice(0, FIELDS).map(Number)
  if (name !== 'cpu' || ticks.length < FIELDS || ticks.some(Number.isNaN)) return undefined
  return { all: ticks.reduce((sum, count) => sum + count, 0), stolen: ticks.at(-1)! }
}

export function shareBetween(before: Ticks, after: Ticks): number {
  const all = after.all - before.all
  return all <= 0 ? 0 : (after.stolen - before.stolen) / all
}

async function readTicks(): Promise<Ticks | undefined> {
  return ticksOf(await readFile('/proc/stat', 'utf8').catch(() => ''))
}
