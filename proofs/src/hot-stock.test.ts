import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { checkOut, openCart, stockShop } from './goods.ts'
import { House, type Shop } from './house.ts'

const BUYERS = 36
/** They wait for each other at the level itself, by which the process learns what is hot. */
const FIRST_WAVE = 12
const UNITS = 18
const GIVE_UP_AFTER_MS = 180_000
const HOT = ['granted', 'committed'] as const

let house: House
let shop: Shop
let variants: Map<string, string>

beforeAll(async () => {
  house = await House.open()
  await house.startApi()
  house.startWorker()
  shop = await house.addShop({ slug: 'hot' })
  variants = await stockShop(
    house,
    shop,
    HOT.map((handle) => ({ handle, price: '10.00', stock: UNITS })),
  )
})
afterAll(async () => {
  await Promise.all([house.api.stop(), house.worker.stop()])
  expect(await house.invariants()).toEqual([])
  await house.close()
})

/** Repeats a checkout until it gets a definite answer: a lost connection and a 5xx are neither yes nor no. */
async function insist(cart: Awaited<ReturnType<typeof openCart>>, key: string): Promise<number> {
  for (const end = performance.now() + GIVE_UP_AFTER_MS; ; ) {
    const answer = await checkOut(shop, cart, key).catch(() => undefined)
    if (answer && answer.status < 500 && !answer.text.includes('/idempotency-in-progress')) return answer.status
    if (performance.now() > end) throw new Error(`no definite answer: ${answer?.text ?? 'no connection'}\n${house.api.output}`)
    await pause(25)
  }
}

it.each([
  ['granted', 'stock.batch_granted'],
  ['committed', 'stock.batch_committed'],
])('sells all of what everybody wants and no more, killed in mid-batch: %s', async (handle, crashAt) => {
  const carts = await Promise.all(
    Array.from({ length: BUYERS }, () => openCart(shop, [{ variant_id: variants.get(handle)!, quantity: 1 }])),
  )
  await house.api.stop()
  await house.startApi({ SOUK_CRASH_AT: crashAt })
  let crashes = 0
  const first = carts.slice(0, FIRST_WAVE).map((cart, buyer) => insist(cart, `${handle}-${buyer}`))
  await Promise.any(first)
  const second = carts.slice(FIRST_WAVE).map((cart, buyer) => insist(cart, `${handle}-${FIRST_WAVE + buyer}`))
  const answers = Promise.all([...first, ...second])
  const over = answers.then(
    () => true,
    () => true,
  )
  while (!(await Promise.race([over, pause(20)]))) {
    if (house.api.isRunning) continue
    crashes += 1
    await house.startApi()
  }
  const counts = { placed: 0, refused: 0 }
  for (const status of await answers) counts[status === 201 ? 'placed' : 'refused'] += 1
  expect({ ...counts, crashes }).toEqual({ placed: UNITS, refused: BUYERS - UNITS, crashes: 1 })
})
