import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SHOPS } from './demo-shops.ts'

/** A body of the API as it is sent, but for references: see `withIds`. */
export type Body = Record<string, unknown>

/** What a demo merchant has set up besides its catalogue: examples/shops/<slug>/setup.json. */
export interface ShopSetup {
  settings?: Body
  collections?: { handle: string; title: string; products: string[] }[]
  customer_groups?: (Body & { handle: string })[]
  customers?: (Body & { email: string; groups: string[] })[]
  tax_settings?: Body
  tax_rates?: (Body & { country: string; name: string })[]
  shipping_zones?: (Body & { name: string })[]
  shipping_methods?: (Body & { code: string })[]
  promotions?: PromotionSetup[]
  plugins?: PluginSetup[]
}

export interface PromotionSetup extends Body {
  name: string
  /** A draft is saved and left for the merchant to try; anything else is published to every buyer. */
  state?: 'draft'
  coupons?: (Body & { code: string })[]
  coupon_batches?: (Body & { name: string })[]
}

export interface PluginSetup extends Body {
  /** A folder of examples/plugins, which has the name of its plugin. */
  plugin: string
  version: string
}

export function readSetup(slug: string): ShopSetup {
  const file = join(SHOPS, slug, 'setup.json')
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as ShopSetup) : {}
}

/** Ids are known only in a shop that runs: the files say `sku:KA-TAS-WB` for a variant's id and `zone:Germany` for a zone's. */
export function withIds(value: unknown, ids: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string' && /^(sku|zone):/.test(value)) {
    const id = ids.get(value)
    if (id === undefined) throw new Error(`setup.json names ${value}, which the shop does not have`)
    return id
  }
  if (Array.isArray(value)) return value.map((member) => withIds(member, ids))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withIds(member, ids)]))
}
