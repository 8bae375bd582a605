import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './pnpm.mjs'

/** One entry of examples/shops/shops.json. */
export interface DemoShop {
  slug: string
  name: string
  currency: string
  country: string
  prices_include_tax: boolean
  tax_rate_percent: string
  shipping: { name: string; amount_minor: number }
  contact_email: string
  staff_email: string
  catalog: string
}

export interface Catalog {
  /** Tells one content from another, addresses of its pictures included, so that the same is not imported twice. */
  fileName: string
  csv: string
}

/** Where the demo merchants lie. */
export const SHOPS = join(root, 'examples', 'shops')

export function readDemoShops(): DemoShop[] {
  return JSON.parse(readFileSync(join(SHOPS, 'shops.json'), 'utf8')) as DemoShop[]
}

/** The shop's product file, its pictures' addresses pointing at where they are served now. */
export function readCatalog(shop: DemoShop, shopUrl: string): Catalog {
  const csv = placePictures(readFileSync(join(SHOPS, shop.catalog), 'utf8'), shop.slug, shopUrl)
  const content = createHash('sha256').update(csv).digest('hex').slice(0, 12)
  return { fileName: `${shop.slug}-${content}.csv`, csv }
}

/** See examples/shops/README.md: the written address never resolves. */
export function placePictures(csv: string, slug: string, shopUrl: string): string {
  return csv.replaceAll(`https://demo-media.invalid/${slug}/`, `${shopUrl}/media/`)
}

/** A folder with one entry a shop, as SOUK_MEDIA_DIR wants it: each leads to the shop's pictures in the checkout. */
export function linkPictures(folder: string): string {
  mkdirSync(folder, { recursive: true })
  for (const { slug } of readDemoShops()) {
    const link = join(folder, slug)
    const known = lstatSync(link, { throwIfNoEntry: false })
    // A merchant that was restored has pictures of its own. A checkout that was moved leaves links that lead nowhere.
    if (known?.isDirectory()) continue
    if (known) rmSync(link)
    symlinkSync(join(SHOPS, slug, 'images'), link)
  }
  return folder
}
