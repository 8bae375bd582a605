import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Client, expectStatus } from '@souk/proofs/client.ts'
import { House, type Shop } from '@souk/proofs/house.ts'
import { measureCosts } from './costs.ts'
import { type Rate, repeat } from './load.ts'
import { openCart } from './operations.ts'
import { table } from './report.ts'
import { productFile, someVariants } from './shop.ts'

// The whole way of a buyer who pays at once: a cart with two lines, contact and address; and the checkout, in which the sandbox
// provider is asked, a process of its own that answers at once. Beside the same way paid by invoice, and beside the limit.

const CONNECTIONS = [1, 8, 32]
const SECONDS = Number(process.env.BENCH_SECONDS ?? 5)
const WARM_UP_SECONDS = Math.min(2, SECONDS)
const PRODUCTS = 200
const VARIANTS = 600

interface Row {
  way: string
  connections: number
  rate: Rate
}

export interface PaymentFigures {
  rows: Row[]
  roundTrips: { paid: number; byInvoice: number }
}

type Ways = Record<'limit' | 'by invoice' | 'by the provider', () => Promise<void>>

/** Of a house with a payment provider, whose API runs. The worker need not. */
export async function measurePayments(house: House): Promise<PaymentFigures> {
  const shop = await payingShop(house)
  const variants = await someVariants(shop, VARIANTS)
  const byInvoice = () => buy(shop, variants, { payment_method: 'invoice' })
  const paid = () => buy(shop, variants, { payment: { provider: 'sandbox', token: 'tok_ok' } })
  const [costOfPaid, costByInvoice] = await measureCosts(house, async () => [
    { name: 'by the provider', once: paid },
    { name: 'by invoice', once: byInvoice },
  ])
  const roundTrips = { paid: costOfPaid!.roundTrips, byInvoice: costByInvoice!.roundTrips }
  const limit = await startLimit(house, roundTrips.paid)
  try {
    const ways: Ways = { limit: limit.buy, 'by invoice': byInvoice, 'by the provider': paid }
    for (const buyOne of Object.values(ways)) await repeat(8, WARM_UP_SECONDS, buyOne)
    // Plans that were made while tables were known to be empty stay with their connection.
    await house.query`vacuum analyze`
    await house.api.stop()
    await house.startApi()
    return { rows: await measureWays(ways), roundTrips }
  } finally {
    await limit.stop()
  }
}

async function measureWays(ways: Ways): Promise<Row[]> {
  const rows: Row[] = []
  for (const connections of CONNECTIONS) {
    for (const [way, buyOne] of Object.entries(ways)) {
      await repeat(connections, WARM_UP_SECONDS / 2, buyOne)
      const rate = await repeat(connections, SECONDS, buyOne)
      rows.push({ way, connections, rate })
      console.error(`paid ${way}, ${connections} connections: ${rate.perSecond.toFixed(0)}/s`)
    }
  }
  return rows
}

/** A shop with goods and an account with the sandbox provider, which sends it no callbacks: what is settled at once needs none. */
async function payingShop(house: House): Promise<Shop> {
  const shop = await house.addShop({ slug: 'paying-buyers' })
  await house.importProducts(shop, productFile(PRODUCTS))
  const { api_key, callback_secret } = await house.psp.control.openAccount({ name: shop.slug })
  const body = { enabled: true, capture: 'now', secrets: { api_key, callback_secret } }
  expectStatus(await shop.staff.call('/v1/admin/payment-accounts/sandbox', { method: 'PATCH', body }), 200)
  return shop
}

async function buy(shop: Shop, variants: string[], payment: object): Promise<void> {
  const start = Math.floor(Math.random() * (variants.length - 1))
  const cart = await openCart(shop, [variants[start]!, variants[start + 1]!])
  const headers = { 'cart-token': cart.token, 'idempotency-key': randomUUID() }
  expectStatus(await shop.buyer.post(`/v1/carts/${cart.id}/checkout`, payment, headers), 201)
}

async function startLimit(house: House, roundTrips: number): Promise<{ buy(): Promise<void>; stop(): Promise<void> }> {
  const { api_key } = await house.psp.control.openAccount({ name: 'limit' })
  const child: ChildProcess = fork(new URL('limit-checkout.ts', import.meta.url), [
    house.adminUrl,
    house.psp.url,
    api_key,
    String(roundTrips),
  ])
  const [{ address }] = (await once(child, 'message')) as [{ address: string }]
  const client = new Client(address, 'localhost')
  return {
    buy: async () => {
      const { id } = expectStatus(await client.post<{ id: string }>('/carts', {}), 200)
      expectStatus(await client.post('/checkout', { cart: id }), 200)
    },
    stop: async () => {
      child.kill()
      await client.close()
    },
  }
}

export function printPayments({ rows, roundTrips }: PaymentFigures): void {
  const limitOf = (connections: number) => rows.find((row) => row.way === 'limit' && row.connections === connections)!.rate.perSecond
  table(
    ['full checkout of two lines, paid', 'connections', 'orders /s', 'to the limit', 'p50 ms', 'p99 ms'],
    rows.map(({ way, connections, rate }) => [
      way,
      String(connections),
      rate.perSecond.toFixed(0),
      (rate.perSecond / limitOf(connections)).toFixed(2),
      rate.p50Ms.toFixed(1),
      rate.p99Ms.toFixed(1),
    ]),
  )
  console.log(`\nround trips to PostgreSQL: ${roundTrips.paid.toFixed(1)} by the provider, ${roundTrips.byInvoice.toFixed(1)} by invoice`)
}

/** A house of its own: `node src/payments.ts`. */
async function benchPayments(): Promise<void> {
  const house = await House.open({ paymentProvider: true })
  try {
    await house.startApi()
    house.startWorker()
    printPayments(await measurePayments(house))
    const broken = await house.invariants()
    if (broken.length > 0) throw new Error(`the house is not in order after the run: ${JSON.stringify(broken)}`)
  } finally {
    await house.close()
  }
}

if (import.meta.main) await benchPayments()
