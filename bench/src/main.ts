import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { House, type Shop } from '@souk/proofs/house.ts'
import { measureCosts } from './costs.ts'
import { cpuOf, cpuOfTree, memoryOf } from './cpu.ts'
import { measureJobs, printJobs } from './jobs.ts'
import { openMinimalOrders } from './limit-orders.ts'
import { fireRequests, type Rate } from './load.ts'
import { type Operation, operations } from './operations.ts'
import { measurePayments, printPayments } from './payments.ts'
import { measureQuotes, printQuotes } from './quotes.ts'
import { printReport, type Row } from './report.ts'
import { measureRules, printRules } from './rules.ts'
import { fillHouse } from './shop.ts'
import { measureWebhooks, printWebhooks } from './webhooks.ts'

const CONNECTIONS = [1, 8, 32]
const SECONDS = Number(process.env.BENCH_SECONDS ?? 5)
const WARM_UP_SECONDS = 2

const house = await House.open({ paymentProvider: true })
try {
  await house.startApi()
  house.startWorker()
  const shop = await fillHouse(house)
  await house.worker.stop()
  await rememberSizes(house, shop)
  const postmaster = Number((await readFile(join(house.dataDir, 'postmaster.pid'), 'utf8')).split('\n')[0])

  const limits = await startLimits(shop.id)
  const minimal = await openMinimalOrders(house.adminUrl)
  const rows: Row[] = []
  for (const operation of await operations(house, shop)) {
    for (const connections of CONNECTIONS) {
      const limit = await measureLimit(operation, connections, limits.address, minimal)
      await operation.run(connections, WARM_UP_SECONDS)
      const before = [await cpuOf(house.api.pid), await cpuOfTree(postmaster)] as const
      const ours = await operation.run(connections, SECONDS)
      const after = [await cpuOf(house.api.pid), await cpuOfTree(postmaster)] as const
      const cpu = { apiUs: ((after[0] - before[0]) * 1000) / ours.completed, postgresUs: ((after[1] - before[1]) * 1000) / ours.completed }
      rows.push({ operation: operation.name, connections, limit, ours, cpu })
      console.error(`${operation.name}, ${connections} connections: ${ours.perSecond.toFixed(0)}/s of ${limit.perSecond.toFixed(0)}/s`)
    }
  }
  const memory = await memoryOf(house.api.pid)
  await minimal.close()
  limits.stop()
  printReport(rows, await measureCosts(house, () => operations(house, shop)), memory)
  console.log()
  house.startWorker()
  printQuotes(await measureQuotes(house))
  console.log()
  printPayments(await measurePayments(house))
  console.log()
  printWebhooks(await measureWebhooks(house))
  console.log()
  printJobs(await measureJobs(house))
  console.log()
  printRules(await measureRules())
  const broken = await house.invariants()
  if (broken.length > 0) throw new Error(`the house is not in order after the run: ${JSON.stringify(broken)}`)
} finally {
  await house.close()
}

/**
 * Statistics that know of carts and orders, and connections made after them. Plans made while a table is known to be empty
 * stay with their connection, and are what a shop has on its first minutes only.
 */
async function rememberSizes(house: House, shop: Shop): Promise<void> {
  for (const operation of await operations(house, shop)) await operation.run(8, WARM_UP_SECONDS)
  await house.query`vacuum analyze`
  await house.api.stop()
  await house.startApi()
}

async function startLimits(merchantId: string): Promise<{ address: string; stop(): void }> {
  const child = fork(new URL('limit-server.ts', import.meta.url), [house.adminUrl, merchantId, 'product-7'])
  const [{ address }] = (await once(child, 'message')) as [{ address: string }]
  return { address, stop: () => child.kill() }
}

async function measureLimit(
  operation: Operation,
  connections: number,
  address: string,
  minimal: Awaited<ReturnType<typeof openMinimalOrders>>,
): Promise<Rate> {
  if (operation.limit === 'order') {
    await minimal.run(connections, 1)
    return minimal.run(connections, SECONDS)
  }
  const url = `${address}/${operation.limit}`
  await fireRequests({ url, connections, seconds: 1 })
  return fireRequests({ url, connections, seconds: SECONDS })
}
