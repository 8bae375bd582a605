import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { createCart } from '@souk/core/cart/change-cart.ts'
import { checkout } from '@souk/core/checkout/checkout.ts'
import { DoorError } from '@souk/tenant-router/door-error.ts'
import { Router } from '@souk/tenant-router/router.ts'
import { ADDRESS } from '../goods.ts'
import type { WriteLoadOrders, WriteLoadReport } from './start-write-load.ts'

// A process of its own that writes for one merchant, at a fixed rate and without HTTP: a cart in one transaction, its order in the
// next, both by the use cases and through the door of the API. Told to end, it writes down what it did.

const orders: WriteLoadOrders = JSON.parse(process.argv[2]!)
const UNDER_WAY_MAX = 64
const TICK_MS = 5
// What a client of the API is told with a 503.
const RETRY_AFTER_MS = 1_000

const router = new Router({
  directoryUrl: orders.directoryUrl,
  baseDomain: 'localhost',
  cellUrls: orders.cellUrls,
  connectionsPerCell: orders.connections,
})
await router.listen()
const merchant = await router.directory.byId(orders.merchantId)
if (!merchant) throw new Error('no such merchant')
const now = () => performance.timeOrigin + performance.now()
const report: WriteLoadReport = { writes: [], confirmed: [], refusedAt: [], failures: [], behind: 0 }
const parent = process.ppid
let isEnding = false
process.on('SIGTERM', () => {
  isEnding = true
})

/** One write transaction, timed from when it was asked for first. */
async function timed<Answer>(write: () => Promise<Answer>): Promise<Answer> {
  const sentAt = now()
  const answer = await unlessBusy(write)
  report.writes.push([Math.round(sentAt * 10) / 10, Math.round((now() - sentAt) * 10) / 10])
  return answer
}

/** More is asked of the machine than it can do: what had no turn within two seconds asks again, as clients of the API do. */
async function unlessBusy<Answer>(write: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await write()
    } catch (error) {
      if (!(error instanceof DoorError && error.code === 'cell_busy')) throw error
      report.refusedAt.push(now())
      await pause(RETRY_AFTER_MS)
    }
  }
}

async function buy(nth: number): Promise<void> {
  // As each request does: what the process knows of the merchant, which may be out of date.
  const inMerchant = router.inMerchant((await router.directory.byId(orders.merchantId)) ?? merchant!)
  const at = new Date()
  const lines = [0, 1].map((line) => ({ variantId: orders.variants[(nth * 7 + line * 3) % orders.variants.length]!, quantity: 1n }))
  const details = { email: 'load@buyer.example', shippingAddress: ADDRESS }
  const cart = await timed(() => inMerchant((tx) => createCart(tx, { lines, details, now: at })))
  const key = randomUUID()
  const answered = await timed(() =>
    checkout(
      { inMerchant },
      {
        cartId: cart.id,
        paymentMethod: 'invoice',
        expectedTotal: undefined,
        idempotency: { route: 'POST /v1/carts/:cart_id/checkout', key, fingerprint: key },
        now: at,
        answer: (order) => ({ statusCode: 201, body: JSON.stringify({ id: order.id, number: Number(order.number) }) }),
      },
    ),
  )
  const { id, number } = JSON.parse(answered.body) as { id: string; number: number }
  report.confirmed.push({ key, cartId: cart.id, id, number, at: now() })
}

const underWay = new Set<Promise<void>>()
const startedAt = performance.now()
process.stdout.write('writing\n')
// Two transactions each.
const perMs = orders.rate / 2 / 1_000
for (let nth = 0; !isEnding; ) {
  const due = Math.floor((performance.now() - startedAt) * perMs) - report.behind
  while (nth < due && underWay.size < UNDER_WAY_MAX) {
    const buying = buy(nth++)
      .catch((error: unknown) => {
        report.failures.push(String((error as { code?: string }).code ?? error))
      })
      .finally(() => underWay.delete(buying))
    underWay.add(buying)
  }
  // What there was no room for is not made up for.
  report.behind += Math.max(0, due - nth)
  await pause(TICK_MS)
  // Nobody is left to hear of it.
  if (process.ppid !== parent) process.exit(1)
}
await Promise.all(underWay)
await router.close()
writeFileSync(orders.reportFile, JSON.stringify(report))
