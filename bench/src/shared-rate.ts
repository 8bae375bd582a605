import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { House } from '@souk/proofs/house.ts'
import { Process } from '@souk/proofs/process.ts'
import { Agent, request } from 'undici'
import { table } from './report.ts'

// Three API processes, and one merchant whose buyers ask all of them for more than its plan allows. How many requests got through in a while,
// against the burst and what the rate makes of that while; then the plan is made three times as large and small again, meanwhile. Counted in
// the directory, and in Redis where REDIS_URL names one.

const PROCESSES = 3
const SENDERS_EACH = 4
const SECONDS = Number(process.env.BENCH_SECONDS ?? 10)
const PLAN = { per_second: 10, burst: 20 }
const LARGER = 3
/** What each process may have taken in advance, and at low rates one request. */
const IN_ADVANCE_SECONDS = 0.15

interface Row {
  counted: string
  part: string
  seconds: number
  through: number
  atMost: number
  others: Record<string, number>
}

const rows: Row[] = []
await measure('directory', {})
if (process.env.REDIS_URL !== undefined) await measure('Redis', { REDIS_URL: process.env.REDIS_URL })
table(
  ['counted in', 'plan', 'seconds', 'got through', 'at most', 'other answers'],
  rows.map(({ counted, part, seconds, through, atMost, others }) => [
    counted,
    part,
    seconds.toFixed(1),
    String(through),
    atMost.toFixed(0),
    Object.entries(others)
      .map(([status, count]) => `${count} of ${status}`)
      .join(', '),
  ]),
)

async function measure(counted: string, further: Record<string, string>): Promise<void> {
  const house = await House.open()
  const more: Process[] = []
  const agent = new Agent({ connections: PROCESSES * SENDERS_EACH })
  try {
    await house.startApi(further)
    const origins = [house.origin]
    for (let n = 1; n < PROCESSES; n++) {
      const port = await freePort()
      const api = new Process('apps/api/src/main.ts')
      api.start({ ...house.environment(), ...further, PORT: port })
      more.push(api)
      origins.push(`http://127.0.0.1:${port}`)
      await api.ready(`${origins.at(-1)}/readyz`, { host: 'platform.localhost' })
    }
    const shop = await house.addShop({ slug: 'popular' })
    const set = async (requests: typeof PLAN) => {
      await house.query`
        insert into platform.plan (name, limits) values ('rated', ${JSON.stringify({ requests })}::text::jsonb)
        on conflict (name) do update set limits = excluded.limits`
      await house.query`update platform.merchant set plan = 'rated' where id = ${shop.id}::text::uuid and plan <> 'rated'`
      await sleep(500)
    }
    const large = { per_second: PLAN.per_second * LARGER, burst: PLAN.burst * LARGER }
    for (const [part, plan] of [
      ['as it is', PLAN],
      ['three times as large', large],
      ['small again', PLAN],
    ] as const) {
      await set(plan)
      rows.push({ counted, part, ...(await flood(origins, agent, plan)) })
    }
  } finally {
    await Promise.all(more.map((api) => api.stop()))
    await agent.close()
    await house.close()
  }
}

async function flood(origins: readonly string[], agent: Agent, { per_second, burst }: typeof PLAN): Promise<Omit<Row, 'counted' | 'part'>> {
  const begun = performance.now()
  const byStatus: Record<string, number> = {}
  const send = async (origin: string) => {
    while (performance.now() - begun < SECONDS * 1_000) {
      const { statusCode, body } = await request(`${origin}/v1/store`, { dispatcher: agent, headers: { host: 'popular.localhost' } })
      await body.dump()
      byStatus[statusCode] = (byStatus[statusCode] ?? 0) + 1
    }
  }
  await Promise.all(origins.flatMap((origin) => Array.from({ length: SENDERS_EACH }, () => send(origin))))
  const seconds = (performance.now() - begun) / 1_000
  const { '200': through = 0, ...others } = byStatus
  return { seconds, through, others, atMost: burst + per_second * seconds + PROCESSES * Math.max(1, per_second * IN_ADVANCE_SECONDS) }
}

async function freePort(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return String(port)
}
