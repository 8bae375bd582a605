import { setTimeout as pause } from 'node:timers/promises'
import { type Answer, expectStatus } from './client.ts'
import type { House, Shop } from './house.ts'

const HEADER =
  'Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Variant Requires Shipping,Variant Taxable'

const BUSY_MAX_MS = 180_000
const BUSY_PAUSE_MS = 200

export interface Good {
  handle: string
  title?: string
  /** Major units, as in a product file. */
  price: string
  stock: number
}

export const ADDRESS = { name: 'Ada Buyer', line1: 'Market Street 1', city: 'Berlin', postcode: '10115', country: 'DE' }

/** A Shopify product file of single-variant products. */
export function productFile(goods: Good[], vendor: string): string {
  const rows = goods.map(({ handle, title = handle, price, stock }) =>
    [
      handle,
      quoted(title),
      '',
      vendor,
      'Goods',
      '',
      'true',
      'Title',
      'Default Title',
      handle,
      100,
      'shopify',
      stock,
      'deny',
      price,
      'true',
      'true',
    ].join(','),
  )
  return `${[HEADER, ...rows].join('\n')}\n`
}

/** Imports goods and answers their variants by handle. */
export async function stockShop(house: House, shop: Shop, goods: Good[]): Promise<Map<string, string>> {
  const imported = await house.importProducts(shop, productFile(goods, `vendor-${shop.slug}`))
  if (imported.status !== 'done' || imported.failed !== 0) throw new Error(`the goods were not imported: ${JSON.stringify(imported)}`)
  return variantsByHandle(
    shop,
    goods.map((good) => good.handle),
  )
}

/** A promotion in force for everybody: ten percent off, as often as it is said. Answers its id. */
export async function publishOffer(shop: Shop, uses: number): Promise<string> {
  const promotion = {
    name: 'Ten off',
    trigger: 'automatic',
    actions: [{ type: 'percentage', on: 'order', rate_percent: '10' }],
    limits: { uses },
    reason: 'a proof',
  }
  const { id } = expectStatus(await shop.staff.post<{ id: string }>('/v1/admin/promotions', promotion), 201)
  const publication = { version: 1, skip_dry_run: true, reason: 'a proof' }
  expectStatus(await shop.staff.post(`/v1/admin/promotions/${id}/publish`, publication), 200)
  return id
}

export async function variantsByHandle(shop: Shop, handles: string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const handle of handles) {
    const product = expectStatus(await shop.buyer.get<{ variants: { id: string }[] }>(`/v1/products/${handle}`), 200)
    found.set(handle, product.variants[0]!.id)
  }
  return found
}

export interface OpenCart {
  id: string
  token: string
  totals: { total: { amount: number; currency: string } }
  /** What plugins could not do. */
  notes: { plugin: string; reason: string }[]
}

export async function openCart(shop: Shop, lines: { variant_id: string; quantity: number }[]): Promise<OpenCart> {
  const body = { lines, email: 'ada@buyer.example', shipping_address: ADDRESS }
  return expectStatus(await insist(() => shop.buyer.post<OpenCart>('/v1/carts', body)), 201)
}

/** The same cart, priced again. */
export async function readCart(shop: Shop, { id, token }: OpenCart): Promise<OpenCart> {
  const cart = expectStatus(await insist(() => shop.buyer.get<OpenCart>(`/v1/carts/${id}`, { 'cart-token': token })), 200)
  return { ...cart, token }
}

/** A platform that is too busy says so, with nothing done (503); buyers try again, for a while. */
async function insist<Body>(ask: () => Promise<Answer<Body>>): Promise<Answer<Body>> {
  const end = performance.now() + BUSY_MAX_MS
  for (;;) {
    const answer = await ask()
    if (answer.status !== 503 || performance.now() > end) return answer
    await pause(BUSY_PAUSE_MS)
  }
}

export function checkOut(shop: Shop, cart: OpenCart, key: string) {
  const headers = { 'cart-token': cart.token, 'idempotency-key': key }
  return insist(() =>
    shop.buyer.post<{ id: string; number: number; token: string; type?: string }>(
      `/v1/carts/${cart.id}/checkout`,
      { payment_method: 'invoice', expected_total: cart.totals.total },
      headers,
    ),
  )
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`
}
