import { expectStatus } from '@souk/proofs/client.ts'
import type { House, Shop } from '@souk/proofs/house.ts'

export const PRODUCTS = 1_000
const HEADER =
  'Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Image Src'

/** A product file of so many products with three variants each and stock that lasts. */
export function productFile(products: number): string {
  const lines = [HEADER]
  for (let n = 1; n <= products; n++) {
    for (const [index, size] of ['S', 'M', 'L'].entries()) {
      const first = index === 0
      const head = first
        ? [`Product ${n}`, `<p>What product ${n} is good for.</p>`, 'Bench', 'Thing', 'bench', 'true', 'Size']
        : ['', '', '', '', '', '', '']
      const image = first ? `https://images.example/${n}.svg` : ''
      lines.push(
        [`product-${n}`, ...head, size, `SKU-${n}-${size}`, 100, 'shopify', 1_000_000_000, 'deny', `${10 + (n % 90)}.99`, image].join(','),
      )
    }
  }
  return `${lines.join('\n')}\n`
}

/** Some variants to buy. */
export async function someVariants(shop: Shop, count: number): Promise<string[]> {
  const variants: string[] = []
  for (let n = 1; variants.length < count; n++) {
    const product = expectStatus(await shop.buyer.get<{ variants: { id: string }[] }>(`/v1/products/product-${n}`), 200)
    variants.push(...product.variants.map((variant) => variant.id))
  }
  return variants.slice(0, count)
}

/** A shop with a catalogue, beside neighbours with one too, so that nothing is alone in its tables. */
export async function fillHouse(house: House): Promise<Shop> {
  const shops: Shop[] = []
  for (const slug of ['bench', 'neighbour-a', 'neighbour-b']) shops.push(await house.addShop({ slug }))
  for (const shop of shops) await house.importProducts(shop, productFile(PRODUCTS))
  return shops[0]!
}

export const ADDRESS = { name: 'Bench Buyer', line1: 'Street 1', city: 'Berlin', postcode: '10115', country: 'DE' }
