import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectStatus } from './client.ts'
import { checkOut, type OpenCart, openCart, readCart, stockShop } from './goods.ts'
import { House, type Shop } from './house.ts'
import { discountBundle, HONEST, installDiscount } from './shop-plugins.ts'

// Plugins that do harm, in a platform that runs as in production: the processes live, and the neighbours sell.

/** With what the honest plugin takes off, and without. */
const REDUCED = 3_430
const FULL = 3_490
const REDUCED_WITHIN_MS = 300_000

let house: House
let victim: Shop
let attacker: Shop
let wanted: { variant_id: string; quantity: number }[]
let bait: { variant_id: string; quantity: number }[]

beforeAll(async () => {
  house = await House.open()
  await house.startApi()
  house.startWorker()
  victim = await house.addShop({ slug: 'victim' })
  attacker = await house.addShop({ slug: 'attacker' })
  const goods = [{ handle: 'tea', price: '10.00', stock: 100_000 }]
  wanted = [{ variant_id: (await stockShop(house, victim, goods)).get('tea')!, quantity: 3 }]
  bait = [{ variant_id: (await stockShop(house, attacker, goods)).get('tea')!, quantity: 3 }]
  await installDiscount(victim, 'honest', HONEST)
})

afterAll(async () => {
  expect(await house.invariants()).toEqual([])
  await house.close()
})

/** The processes that run plugins for the API. */
async function runners(): Promise<number[]> {
  const found: number[] = []
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const commandLine = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '')
    const status = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '')
    const parent = Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[1])
    if (commandLine.includes('sandbox/runner') && parent === house.api.pid) found.push(Number(entry))
  }
  return found
}

/** One that has ended by itself meanwhile is as dead as it should be. */
function killRunner(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/**
 * Whatever happens around it, the victim is told one of two prices: what its plugin makes of the cart, or, where the platform
 * had no process free for the plugin, the full price with a note that says so. Never is it said to be the plugin's fault.
 */
function expectHonestPrice(cart: OpenCart): void {
  const skipped = cart.notes.map(({ plugin, reason }) => `${plugin} ${reason}`)
  if (cart.totals.total.amount === REDUCED) expect(skipped).toEqual([])
  else expect([cart.totals.total.amount, skipped]).toEqual([FULL, ['honest unavailable']])
}

/** A cart of the victim's that its plugin has had its say about, which may take a few looks on a busy machine. */
async function reducedCart(): Promise<OpenCart> {
  const opened = await openCart(victim, wanted)
  const end = performance.now() + REDUCED_WITHIN_MS
  for (let cart = opened; ; cart = await readCart(victim, opened)) {
    expectHonestPrice(cart)
    if (cart.totals.total.amount === REDUCED) return cart
    if (performance.now() > end) throw new Error(`the plugin was not asked within ${REDUCED_WITHIN_MS} ms`)
  }
}

/** Buys at the reduced price and no other: where the plugin is left out at the last moment, the order is refused, and the buyer asks again. */
async function buyReduced(key: string): Promise<void> {
  const cart = await reducedCart()
  const end = performance.now() + REDUCED_WITHIN_MS
  for (let tries = 0; performance.now() < end; tries++) {
    const answer = await checkOut(victim, cart, `${key}-${tries}`)
    if (!answer.text.includes('/total-changed')) return void expectStatus(answer, 201)
  }
  throw new Error(`no order at the reduced price within ${REDUCED_WITHIN_MS} ms`)
}

it('sells on while a neighbour’s plugins loop, eat memory and answer rubbish', async () => {
  const attacks = {
    loops: 'while (true) {}',
    eats: 'const m = new Map(); let i = 0; while (true) m.set(i++, {})',
    floods: 'for (let i = 0; i < 1e6; i++) console.log("x".repeat(1000)); return "y".repeat(1e7)',
    digs: 'return [].filter.constructor("return process")().exit(1)',
  }
  for (const [name, body] of Object.entries(attacks)) await installDiscount(attacker, name, discountBundle(body))
  let selling = true
  const attacking = Promise.all(
    Array.from({ length: 4 }, async () => {
      while (selling) expect((await openCart(attacker, bait)).totals.total.amount).toBe(FULL)
    }),
  )
  // Awaited below; until then it is nobody's unhandled rejection.
  attacking.catch(() => undefined)
  try {
    for (let round = 0; round < 25; round += 1)
      await Promise.all(Array.from({ length: 4 }, (_, buyer) => buyReduced(`calm-${round}-${buyer}`)))
  } finally {
    selling = false
  }
  await attacking
  expect([house.api.isRunning, house.worker.isRunning]).toEqual([true, true])
})

// Finding a process's children needs /proc.
const onLinux = it.skipIf(!existsSync('/proc/self'))

onLinux('sells on when every runner is killed, and the plugin is back at once', async () => {
  for (let round = 0; round < 3; round += 1) {
    await reducedCart()
    const before = await runners()
    expect(before.length).toBeGreaterThan(0)
    const carts = Promise.all(Array.from({ length: 8 }, () => openCart(victim, wanted)))
    for (const pid of before) killRunner(pid)
    for (const cart of await carts) expectHonestPrice(cart)
    await reducedCart()
  }
})

onLinux('leaves no runner behind when the API is killed', async () => {
  await reducedCart()
  const before = await runners()
  expect(before.length).toBeGreaterThan(0)
  await house.api.kill()
  await expect
    .poll(
      async () => {
        const alive = await Promise.all(before.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')))
        return alive.filter((stat) => stat !== '' && !/\) Z /.test(stat)).length
      },
      { timeout: 120_000 },
    )
    .toBe(0)
  await house.startApi()
  await reducedCart()
})
