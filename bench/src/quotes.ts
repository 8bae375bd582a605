import { expectStatus } from '@souk/proofs/client.ts'
import { House, type Shop } from '@souk/proofs/house.ts'
import { discountBundle, HONEST, installDiscount } from '@souk/proofs/shop-plugins.ts'
import { type Rate, repeat } from './load.ts'
import { table } from './report.ts'
import { ADDRESS, someVariants } from './shop.ts'

// What plugins cost a quote, and what one merchant's attacks cost another merchant's buyers. Both are read within one
// run, in turns, so that whatever else the machine does falls on both.

const PLUGINS = 3
const CART_LINES = 20
const ROUNDS = 6
const ROUND_SECONDS = 1
const ATTACKERS = 4
const BUYERS = 4

interface OpenCart {
  id: string
  token: string
}

export interface QuoteFigures {
  without: Rate[]
  withThree: Rate[]
  calm: Rate[]
  attacked: Rate[]
}

/** Reads of a cart of 20 lines with no plugin and with three warm ones; checkouts of one shop, beside
 * the same traffic of another whose plugins are honest, and of one whose plugins attack. */
export async function measureQuotes(house: House): Promise<QuoteFigures> {
  const [plain, plugged, neighbour, attacker] = await Promise.all(
    ['quotes-plain', 'quotes-plugged', 'quotes-neighbour', 'quotes-attacker'].map((slug) => stocked(house, slug)),
  )
  if (!plain || !plugged || !neighbour || !attacker) throw new Error('four shops were asked for')
  for (let n = 1; n <= PLUGINS; n++) await installDiscount(plugged.shop, `honest-${n}`, HONEST)
  for (let n = 1; n <= 2; n++) await installDiscount(neighbour.shop, `honest-${n}`, HONEST)
  await installDiscount(attacker.shop, 'loops', discountBundle('while (true) {}'))
  await installDiscount(attacker.shop, 'eats', discountBundle('const m = new Map(); let i = 0; while (true) m.set(i++, {})'))
  const [plainCart, pluggedCart] = [await openCart(plain, CART_LINES), await openCart(plugged, CART_LINES)]
  await Promise.all([read(plain, plainCart), read(plugged, pluggedCart)].map((work) => repeat(1, ROUND_SECONDS, work)))

  const figures: QuoteFigures = { without: [], withThree: [], calm: [], attacked: [] }
  for (let round = 0; round < ROUNDS; round++) {
    figures.without.push(await repeat(1, ROUND_SECONDS, read(plain, plainCart)))
    figures.withThree.push(await repeat(1, ROUND_SECONDS, read(plugged, pluggedCart)))
  }
  for (let round = 0; round < ROUNDS; round++) {
    figures.calm.push(await beside(neighbour, () => repeat(BUYERS, ROUND_SECONDS, buy(plugged))))
    figures.attacked.push(await beside(attacker, () => repeat(BUYERS, ROUND_SECONDS, buy(plugged))))
  }
  return figures
}

interface Stocked {
  shop: Shop
  variants: string[]
}

async function stocked(house: House, slug: string): Promise<Stocked> {
  const shop = await house.addShop({ slug })
  const rows = Array.from(
    { length: 30 },
    (_, n) => `product-${n + 1},Product ${n + 1},true,SKU-${n + 1},shopify,1000000000,deny,${10 + n}.99`,
  )
  const header = 'Handle,Title,Published,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price'
  await house.importProducts(shop, `${[header, ...rows].join('\n')}\n`)
  return { shop, variants: await someVariants(shop, 30) }
}

async function openCart({ shop, variants }: Stocked, lines: number): Promise<OpenCart> {
  const body = {
    // One line in five is of three pieces: what the honest plugins look for.
    lines: variants.slice(0, lines).map((variant_id, index) => ({ variant_id, quantity: index % 5 === 0 ? 3 : 1 })),
    email: 'bench@buyer.example',
    shipping_address: ADDRESS,
  }
  return expectStatus(await shop.buyer.post<OpenCart>('/v1/carts', body), 201)
}

function read({ shop }: Stocked, { id, token }: OpenCart): () => Promise<void> {
  return async () => void expectStatus(await shop.buyer.get(`/v1/carts/${id}`, { 'cart-token': token }), 200)
}

function buy(stockedShop: Stocked): () => Promise<void> {
  return async () => {
    const { id, token } = await openCart(stockedShop, 2)
    const headers = { 'cart-token': token, 'idempotency-key': crypto.randomUUID() }
    expectStatus(await stockedShop.shop.buyer.post(`/v1/carts/${id}/checkout`, { payment_method: 'invoice' }, headers), 201)
  }
}

/** Beside buyers of another shop, who open carts as fast as they are answered; each asks that shop's two plugins. */
async function beside<Result>(other: Stocked, work: () => Promise<Result>): Promise<Result> {
  let open = true
  const others = Array.from({ length: ATTACKERS }, async () => {
    while (open) await openCart(other, 1)
  })
  try {
    return await work()
  } finally {
    open = false
    await Promise.all(others)
  }
}

export function printQuotes({ without, withThree, calm, attacked }: QuoteFigures): void {
  const row = (name: string, rates: Rate[]) => [name, median(rates.map((rate) => rate.p50Ms)), median(rates.map((rate) => rate.p99Ms))]
  table(['read a cart of 20 lines, one connection', 'p50 ms', 'p99 ms'], [row('no plugin', without), row('three warm plugins', withThree)])
  console.log()
  table(
    ['open a cart and check out, 4 connections, 4 of the other shop', 'p50 ms', 'p99 ms'],
    [row('beside a shop with two honest plugins', calm), row('beside one whose two loop and eat memory', attacked)],
  )
  const pairs = calm.map((rate, round) => attacked[round]!.p99Ms / rate.p99Ms)
  console.log(`\np99 attacked / calm by round: ${pairs.map((ratio) => ratio.toFixed(2)).join(', ')}`)
}

function median(values: number[]): string {
  const sorted = values.toSorted((one, other) => one - other)
  return (sorted[Math.floor(sorted.length / 2)] ?? 0).toFixed(2)
}

/** A house of its own: `node src/quotes.ts`. */
async function benchQuotes(): Promise<void> {
  const house = await House.open()
  try {
    await house.startApi()
    house.startWorker()
    printQuotes(await measureQuotes(house))
  } finally {
    await house.close()
  }
}

if (import.meta.main) await benchQuotes()
