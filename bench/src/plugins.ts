import { readFile } from 'node:fs/promises'
import { ATTACKS, attackBundle } from '@souk/plugin-host/attacks.ts'
import { PluginHost } from '@souk/plugin-host/plugin-host.ts'
import { type BenchBundle, bundleOf, CONFIGURATION, cart, tiers } from './plugin-carts.ts'
import { table } from './report.ts'

// What a call of a plugin costs, warm and cold; how long a killed process is missed; what an isolate holds; and what one merchant's
// attacks cost the calls of others. Rounds, and their medians: a shared machine has bad moments.

const ROUNDS = 7
const WARM_CALLS = 400
const COLD_CALLS = 40
const KILLS = 15
const ISOLATES = 100
const ATTACK_MS = 2_000
const LARGE_BYTES = 76_000
// The engine does not listen while it reads numbers, and these take it most of a minute.
const UNSTOPPABLE = 'const s = "9".repeat(1e6), a = []; for (let i = 0; i < 2e4; i++) a.push(s.slice(i)); return Math.max(...a)'

interface Spread {
  p50: number
  p99: number
}

const roomy = { wallMs: 1_000, outputBytesMax: 1_000_000 }

export async function benchPlugins(): Promise<void> {
  const host = new PluginHost({ repeatRate: 0 })
  try {
    await host.start()
    await printWarm(host)
    await printCold(host)
    await printKills(host)
    await printMemory(host)
    await printNeighbours(host)
  } finally {
    await host.close()
  }
}

async function printWarm(host: PluginHost): Promise<void> {
  const rows: string[][] = []
  for (const lines of [20, 200, 1_000]) {
    const input = cart(lines)
    const calls = Math.max(40, Math.round((WARM_CALLS * 20) / lines))
    const one = () => called(host, 'warm', tiers(), input)
    await times(calls, one)
    const rounds: (Spread & { perSecond: number; hostUs: number; pluginUs: number })[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const cpu = process.cpuUsage()
      const begun = performance.now()
      let pluginMs = 0
      const taken = await times(calls, async () => {
        pluginMs += await one()
      })
      const { user, system } = process.cpuUsage(cpu)
      const perSecond = (calls * 1_000) / (performance.now() - begun)
      rounds.push({ ...spread(taken), perSecond, hostUs: (user + system) / calls, pluginUs: (pluginMs * 1_000) / calls })
    }
    rows.push([
      `${lines} lines, ${(JSON.stringify(input).length / 1_000).toFixed(1)} kB`,
      ...(['p50', 'p99'] as const).map((key) => bestAndMedian(rounds.map((round) => round[key] * 1_000))),
      ...(['pluginUs', 'hostUs'] as const).map((key) => bestAndMedian(rounds.map((round) => round[key]))),
      bestAndMedian(
        rounds.map(({ perSecond }) => perSecond),
        Math.max,
      ),
    ])
  }
  table(
    ['warm call, one at a time; best round / median one', 'p50 us', 'p99 us', 'in the sandbox us', 'CPU of the caller us', 'calls /s'],
    rows,
  )
  const perSecond: number[] = []
  const merchants = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
  for (let round = 0; round < ROUNDS; round++) {
    const begun = performance.now()
    await Promise.all(merchants.map((merchantId) => times(WARM_CALLS, () => called(host, merchantId, tiers(), cart(20)))))
    perSecond.push((merchants.length * WARM_CALLS * 1_000) / (performance.now() - begun))
  }
  console.log(`\n20 lines, 8 merchants at once on 2 processes: ${bestAndMedian(perSecond, Math.max)} calls/s\n`)
}

async function printCold(host: PluginHost): Promise<void> {
  let number = 1
  const rows: string[][] = []
  for (const [name, bytes] of [
    ['1 kB', 0],
    [`${LARGE_BYTES / 1_000} kB`, LARGE_BYTES],
  ] as const) {
    const seen = tiers(number++, bytes)
    const fresh = Array.from({ length: COLD_CALLS }, () => tiers(number++, bytes))
    const measures: [string, (call: number) => Promise<unknown>][] = [
      [`bundle of ${name}, never seen`, (call) => called(host, 'cold', fresh[call]!, cart(20))],
      [`bundle of ${name}, known, another merchant`, (call) => called(host, `cold ${name} ${call}`, seen, cart(20))],
    ]
    await called(host, 'cold', seen, cart(20))
    for (const [title, one] of measures) {
      let call = 0
      const taken = await times(COLD_CALLS, async () => {
        await one(call++)
        await pause(10)
      })
      const { p50, p99 } = spread(taken.map((ms) => ms - 10))
      rows.push([title, p50.toFixed(1), p99.toFixed(1)])
    }
  }
  table(['cold call to its first answer', 'p50 ms', 'p99 ms'], rows)
  console.log()
}

/** From the kill to the answer that the next merchant has from the process that took its place. */
async function printKills(host: PluginHost): Promise<void> {
  const taken: number[] = []
  const deadlines: number[] = []
  let killedAt = 0
  const onRunnerKilled = () => {
    killedAt = performance.now()
  }
  const killing = new PluginHost({ repeatRate: 0, onRunnerKilled })
  try {
    await killing.start()
    for (let kill = 0; kill < KILLS; kill++) {
      // Another one each time: a merchant who does it again is sent elsewhere.
      const merchantId = `attacker ${kill}`
      const attack = bundleOf(`definePlugin({ contracts: { 'discount@1': { run() { ${UNSTOPPABLE} } } } }) // ${kill}`)
      const begun = performance.now()
      const answer = await killing.call({ ...asked(merchantId, attack, {}), limits: { wallMs: 50 } })
      if (answer.ok || answer.reason !== 'killed') throw new Error(`not killed but ${answer.ok ? 'answered' : answer.reason}`)
      deadlines.push(performance.now() - begun)
      // Whoever has the same process as the attacker: another plugin of the same merchant.
      await called(killing, merchantId, tiers(), cart(20))
      taken.push(performance.now() - killedAt)
      while (killing.stats().spares < 1) await pause(20)
    }
  } finally {
    await killing.close()
  }
  const starts = await times(5, async () => {
    const lone = new PluginHost({ runners: 2, spareRunners: 0, repeatRate: 0 })
    await called(lone, 'first', tiers(), cart(1))
    await lone.close()
  })
  table(
    ['a process that had to be killed', 'p50 ms', 'p99 ms'],
    [
      ['call that cannot be stopped, limit 50 ms, to its answer', ...inMs(spread(deadlines))],
      ['from the kill to the next answer of its place', ...inMs(spread(taken))],
      ['start of a host to its first answer, nothing ready', ...inMs(spread(starts))],
    ],
  )
  console.log(`\nanswers of the host in this run: ${JSON.stringify(host.stats().answers)}\n`)
}

async function printMemory(host: PluginHost): Promise<void> {
  const resident = async () => {
    const pids = host.stats().runners.map(({ pid }) => pid)
    const statuses = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/status`, 'utf8')))
    return statuses.reduce((sum, status) => sum + Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024, 0)
  }
  const before = { isolates: host.stats().isolates, mib: await resident() }
  for (let n = 0; n < ISOLATES; n++) await times(20, () => called(host, `memory ${n}`, tiers(), cart(20)))
  const after = { isolates: host.stats().isolates, mib: await resident() }
  const each = (after.mib - before.mib) / (after.isolates - before.isolates)
  const idle = new PluginHost({ repeatRate: 0 })
  await idle.start()
  await times(2, () => called(idle, 'first', tiers(), cart(1)).then(() => pause(300)))
  const fresh = Math.max(...idle.stats().runners.map(({ rssBytes }) => rssBytes)) / 1_048_576
  await idle.close()
  console.log(
    `memory: ${each.toFixed(1)} MiB a warm isolate after 20 calls (${after.isolates} of them), ${fresh.toFixed(0)} MiB a fresh process\n`,
  )
}

/** Four merchants call their plugins while one attacks, and while it does not; in turns. */
async function printNeighbours(host: PluginHost): Promise<void> {
  const loop = bundleOf(`definePlugin({ contracts: { 'discount@1': { run() { while (true) {} } } } })`)
  const all = ATTACKS.map((attack) => bundleOf(attackBundle(attack)))
  const rows: string[][] = []
  for (const [name, bundles] of [
    ['one plugin loops without end', [loop]],
    [`all ${all.length} attacks in turn`, all],
  ] as [string, BenchBundle[]][]) {
    const calm: Spread[] = []
    const attacked: Spread[] = []
    for (let round = 0; round < ROUNDS; round++) {
      calm.push(await neighbours(host))
      let attacking = true
      const attack = (async () => {
        for (let n = 0; attacking; n++) {
          const answer = await host.call({ ...asked('attacker', bundles[n % bundles.length]!, { lines: [] }), limits: {} })
          if (!answer.ok && answer.wallMs === 0) await pause(1)
        }
      })()
      attacked.push(await neighbours(host))
      attacking = false
      await attack
    }
    const ratios = calm.map(({ p99 }, round) => attacked[round]!.p99 / p99)
    const columns = [calm, attacked].flatMap((rounds) => [rounds.map(({ p50 }) => p50), rounds.map(({ p99 }) => p99)])
    rows.push([name, ...columns.map((values) => median(values).toFixed(2)), median(ratios).toFixed(2)])
  }
  table(['four other merchants while', 'calm p50 ms', 'calm p99 ms', 'attacked p50 ms', 'attacked p99 ms', 'p99 ratio'], rows)
}

/** One call each every few milliseconds, as carts come in: the machine is not full, so waiting shows. */
async function neighbours(host: PluginHost): Promise<Spread> {
  const taken: number[] = []
  const until = performance.now() + ATTACK_MS
  await Promise.all(
    ['one', 'two', 'three', 'four'].map(async (merchantId) => {
      while (performance.now() < until) {
        const begun = performance.now()
        await called(host, merchantId, tiers(), cart(20))
        taken.push(performance.now() - begun)
        await pause(3)
      }
    }),
  )
  return spread(taken)
}

function asked(merchantId: string, bundle: BenchBundle, input: unknown) {
  return { merchantId, bundle, configuration: CONFIGURATION, cordon: 'stable' as const, hook: 'discount@1.run', input }
}

/** Makes a call that must succeed, and answers how many milliseconds the plugin itself took. */
async function called(host: PluginHost, merchantId: string, bundle: BenchBundle, input: unknown): Promise<number> {
  const answer = await host.call({ ...asked(merchantId, bundle, input), limits: roomy })
  if (!answer.ok) throw new Error(`${answer.reason}: ${answer.detail}`)
  const { operations } = answer.output as { operations: unknown[] }
  if (operations.length === 0) throw new Error('a plugin that has something to say said nothing')
  return answer.wallMs
}

async function times(count: number, one: () => Promise<unknown>): Promise<number[]> {
  const taken: number[] = []
  for (let n = 0; n < count; n++) {
    const begun = performance.now()
    await one()
    taken.push(performance.now() - begun)
  }
  return taken
}

function spread(taken: number[]): Spread {
  const sorted = taken.toSorted((one, other) => one - other)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { p50: at(0.5), p99: at(0.99) }
}

function median(values: number[]): number {
  return spread(values).p50
}

function bestAndMedian(values: number[], best: (...values: number[]) => number = Math.min): string {
  return `${best(...values).toFixed(0)} / ${median(values).toFixed(0)}`
}

function inMs({ p50, p99 }: Spread): string[] {
  return [p50.toFixed(1), p99.toFixed(1)]
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

if (import.meta.main) await benchPlugins()
