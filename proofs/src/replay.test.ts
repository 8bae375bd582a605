import { createReadStream, existsSync } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { parse } from 'csv-parse'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectStatus } from './client.ts'
import { checkOut, openCart, productFile, stockShop } from './goods.ts'
import { House, type Shop } from './house.ts'

// Real invoices of a UK online shop (UCI "Online Retail", CC BY 4.0), kept beside the repository and not in it.
const FILE = new URL('../../../shared/data/orders/online-retail/online_retail.csv.gz', import.meta.url)
// SOUK_REPLAY_INVOICES=2000 replays what docs/pricing.md speaks of.
const INVOICES = Number(process.env.SOUK_REPLAY_INVOICES ?? 300)
const AT_ONCE = 4

interface InvoiceLine {
  code: string
  pence: number
  quantity: number
}

/** The first invoices of the file, in its order. Prices are decimal pounds with at most two places in this range. */
async function readInvoices(): Promise<Map<string, InvoiceLine[]>> {
  const rows = createReadStream(FILE)
    .pipe(createGunzip())
    .pipe(parse({ columns: true }))
  const invoices = new Map<string, InvoiceLine[]>()
  for await (const row of rows as AsyncIterable<Record<string, string>>) {
    const number = row.InvoiceNo!
    if (!invoices.has(number) && invoices.size === INVOICES) break
    const [pounds = '', fraction = ''] = row.UnitPrice!.split('.')
    const line = { code: row.StockCode!, pence: Number(pounds) * 100 + Number(fraction.padEnd(2, '0')), quantity: Number(row.Quantity) }
    invoices.set(number, [...(invoices.get(number) ?? []), line])
  }
  return invoices
}

function handleOf(line: InvoiceLine): string {
  return `${line.code.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}-${line.pence}`
}

describe.skipIf(!existsSync(FILE))(`the first ${INVOICES} invoices of a real shop (skipped where ../shared/data is missing)`, () => {
  let house: House
  let retail: Shop
  let others: Shop[]
  let sales: [string, InvoiceLine[]][]
  let variants: Map<string, string>

  beforeAll(async () => {
    house = await House.open()
    await house.startApi()
    house.startWorker()
    // Cancellations (C...) and corrections (a negative quantity) are not things a buyer can order.
    sales = [...(await readInvoices())].filter(([number, lines]) => !number.startsWith('C') && lines.every((line) => line.quantity > 0))
    retail = await house.addShop({
      slug: 'retail',
      currency: 'GBP',
      country: 'GB',
      tax_rate_percent: '0',
      shipping: { name: 'Free', amount_minor: 0 },
    })
    others = [await house.addShop({ slug: 'other-a' }), await house.addShop({ slug: 'other-b', currency: 'JPY', country: 'JP' })]
    const distinct = new Map(sales.flatMap(([, lines]) => lines).map((line) => [handleOf(line), line]))
    const goods = [...distinct].map(([handle, line]) => ({ handle, price: (line.pence / 100).toFixed(2), stock: 1_000_000 }))
    variants = await stockRetail(goods)
    for (const other of others) await stockShop(house, other, [{ handle: 'thing', price: '500', stock: 1_000_000 }])
  })

  afterAll(async () => {
    expect(await house.invariants()).toEqual([])
    await house.close()
  })

  /** The catalogue by import, and its variants by way of the list, as a storefront would collect them. */
  async function stockRetail(goods: { handle: string; price: string; stock: number }[]): Promise<Map<string, string>> {
    const imported = await house.importProducts(retail, productFile(goods, 'vendor-retail'))
    expect(imported).toMatchObject({ status: 'done', failed: 0, created: goods.length })
    const rows = await house.query<{ handle: string; id: string }>`
      select p.handle, v.id from product p join variant v on v.merchant_id = p.merchant_id and v.product_id = p.id
      where p.merchant_id = ${retail.id}`
    return new Map(rows.map((row) => [row.handle, row.id]))
  }

  async function placeAll(): Promise<Map<string, number>> {
    const waiting = [...sales]
    const totals = new Map<string, number>()
    const place = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const [number, lines] = next
        const cart = await openCart(
          retail,
          lines.map((line) => ({ variant_id: variants.get(handleOf(line))!, quantity: line.quantity })),
        )
        const order = expectStatus(await checkOut(retail, cart, number), 201) as unknown as { totals: { total: { amount: number } } }
        totals.set(number, order.totals.total.amount)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, place))
    return totals
  }

  /** Browses and buys in another shop until told to stop; answers all that it was shown. */
  async function neighbour(shop: Shop, until: () => boolean): Promise<{ orders: number; seen: string }> {
    const { data } = expectStatus(await shop.buyer.get<{ data: { handle: string }[] }>('/v1/products'), 200)
    expect(data.map((product) => product.handle)).toEqual(['thing'])
    const seen: string[] = []
    let orders = 0
    while (!until()) {
      const list = await shop.buyer.get('/v1/products')
      const product = await shop.buyer.get<{ variants: { id: string }[] }>('/v1/products/thing')
      const cart = await openCart(shop, [{ variant_id: product.body.variants[0]!.id, quantity: 1 }])
      const order = await checkOut(shop, cart, `neighbour-${orders}`)
      expectStatus(order, 201)
      seen.push(list.text, product.text, order.text)
      orders += 1
    }
    return { orders, seen: seen.join('\n') }
  }

  it('are placed over HTTP with totals that agree to the penny, while two other shops sell and nothing leaks', async () => {
    let done = false
    const neighbours = others.map((shop) => neighbour(shop, () => done))
    const totals = await placeAll().finally(() => {
      done = true
    })
    const seen = await Promise.all(neighbours)

    for (const [number, lines] of sales) {
      const inFile = lines.reduce((sum, line) => sum + line.pence * line.quantity, 0)
      expect([number, totals.get(number)]).toEqual([number, inFile])
    }
    const [row] = await house.query<{ orders: number; total: string; units: string }>`
      select count(*)::int as orders, sum(total)::text as total,
        (select sum(quantity)::text from order_line where merchant_id = ${retail.id}) as units
      from orders where merchant_id = ${retail.id}`
    const all = sales.flatMap(([, lines]) => lines)
    expect(row).toEqual({
      orders: sales.length,
      total: String(all.reduce((sum, line) => sum + line.pence * line.quantity, 0)),
      units: String(all.reduce((sum, line) => sum + line.quantity, 0)),
    })
    for (const [index, { orders, seen: texts }] of seen.entries()) {
      expect(orders).toBeGreaterThan(0)
      const placed = await house.query<{
        orders: number
      }>`select count(*)::int as orders from orders where merchant_id = ${others[index]!.id}`
      expect(placed).toEqual([{ orders }])
      expect(texts).not.toContain('vendor-retail')
      expect(texts).not.toContain(others[1 - index]!.id)
    }
  })
})
