import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { checkOut, openCart, stockShop } from './goods.ts'
import { House, type Shop } from './house.ts'
import { discountBundle, HONEST, installDiscount } from './shop-plugins.ts'

// Plugins that do harm, in a platform that runs as in production: the processes live, and the neighbours sell.

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
      while (selling) expect((await openCart(attacker, bait)).totals.total.amount).toBe(3_490)
    }),
  )
  for (let round = 0; round < 25; round += 1) {
    const carts = await Promise.all(Array.from({ length: 4 }, () => openCart(victim, wanted)))
    for (const cart of carts) expect(cart.totals.total.amount).toBe(3_430)
    const answers = await Promise.all(carts.map((cart, buyer) => checkOut(victim, cart, `calm-${round}-${buyer}`)))
    expect(answers.map((answer) => answer.status)).toEqual([201, 201, 201, 201])
  }
  selling = false
  await attacking
  expect([house.api.isRunning, house.worker.isRunning]).toEqual([true, true])
})

// Finding a process's children needs /proc.
const onLinux = it.skipIf(!existsSync('/proc/self'))

onLinux('sells on when every runner is killed, and the plugin is back at once', async () => {
  for (let round = 0; round < 3; round += 1) {
    const before = await runners()
    expect(before.length).toBeGreaterThan(0)
    const carts = Promise.all(Array.from({ length: 8 }, () => openCart(victim, wanted)))
    for (const pid of before) process.kill(pid, 'SIGKILL')
    for (const cart of await carts) expect([3_430, 3_490]).toContain(cart.totals.total.amount)
    await expect.poll(async () => (await openCart(victim, wanted)).totals.total.amount, { timeout: 30_000 }).toBe(3_430)
  }
})

onLinux('leaves no runner behind when the API is killed', async () => {
  const before = await runners()
  house.api.kill()
  await expect
    .poll(
      async () => {
        const alive = await Promise.all(before.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')))
        return alive.filter((stat) => stat !== '' && !/\) Z /.test(stat)).length
      },
      { timeout: 30_000 },
    )
    .toBe(0)
  await pause(50)
  await house.startApi()
  expect((await openCart(victim, wanted)).totals.total.amount).toBe(3_430)
})
