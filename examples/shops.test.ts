import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const SHOPS = join(import.meta.dirname, 'shops')

interface Setup {
  collections?: { handle: string; products: string[] }[]
  customer_groups?: { handle: string }[]
  customers?: { groups: string[] }[]
  shipping_zones?: { name: string }[]
  plugins?: { plugin: string; configuration: unknown }[]
  promotions: { name: string; trigger?: string; coupons?: { code: string }[]; coupon_batches?: object[] }[]
}

it('the catalogues and pictures of the demo shops are what their sources draw', () => {
  const output = execFileSync(process.execPath, ['shops/draw.ts', '--check'], { cwd: import.meta.dirname, encoding: 'utf8' })
  expect(output).toMatch(/kaffa: \d+ products/)
})

describe.each(shops())('what $slug has set up', ({ slug, currency }) => {
  const setup = JSON.parse(readFileSync(join(SHOPS, slug, 'setup.json'), 'utf8')) as Setup
  const text = JSON.stringify(setup)
  const catalogue = readFileSync(join(SHOPS, slug, 'products.csv'), 'utf8')
  const handles = new Set(catalogue.split('\n').map((line) => line.split(',')[0]!))
  const skus = [...catalogue.matchAll(/,([A-Z]{2}-[A-Z0-9-]+),\d+,shopify,/g)].map(([, sku]) => sku!)

  it('is about goods, groups and zones that it has', () => {
    const groups = (setup.customer_groups ?? []).map(({ handle }) => handle)
    const collections = (setup.collections ?? []).map(({ handle }) => handle)
    const zones = (setup.shipping_zones ?? []).map(({ name }) => name)
    const unknown = (pattern: RegExp, known: string[]) => named(pattern).filter((name) => !known.includes(name))
    expect((setup.collections ?? []).flatMap(({ products }) => products).filter((handle) => !handles.has(handle))).toEqual([])
    expect((setup.customers ?? []).flatMap((customer) => customer.groups).filter((group) => !groups.includes(group))).toEqual([])
    expect(unknown(/"sku:([^"]+)"/g, skus)).toEqual([])
    expect(unknown(/"zone:([^"]+)"/g, zones)).toEqual([])
    expect(unknown(/"customer.groups","operator":"contains","value":"([^"]+)"/g, groups)).toEqual([])
    expect(unknown(/"group":"([^"]+)","tiers"/g, groups)).toEqual([])
    expect(unknown(/"line.collections","operator":"contains","value":"([^"]+)"/g, collections)).toEqual([])
    const starts = named(/"line.sku","operator":"startsWith","value":"([^"]+)"/g)
    expect(starts.filter((start) => !skus.some((sku) => sku.startsWith(start)))).toEqual([])
  })

  it('is in its own currency', () => {
    expect(new Set(named(/"currency":"([A-Z]{3})"/g))).toEqual(new Set([currency]))
  })

  it('gives every promotion a name of its own, and codes to those that need one', () => {
    expect(new Set(setup.promotions.map(({ name }) => name)).size).toBe(setup.promotions.length)
    for (const { name, trigger, coupons = [], coupon_batches: batches = [] } of setup.promotions) {
      expect(coupons.length + batches.length > 0, name).toBe(trigger === 'coupon')
      // As the shop keeps them, so that they are found again.
      for (const { code } of coupons) expect(code).toMatch(/^[A-Z0-9-]+$/)
    }
  })

  it('has plugins that lie beside it', () => {
    for (const { plugin } of setup.plugins ?? [])
      expect(existsSync(join(import.meta.dirname, 'plugins', plugin, 'src/plugin.ts'))).toBe(true)
  })

  function named(pattern: RegExp): string[] {
    return [...text.matchAll(pattern)].map(([, name]) => name!)
  }
})

it('the three show promotions with codes, a plugin, and tiers with set prices', () => {
  const [kaffa, northpaw, hibiki] = shops().map(({ slug }) => readFileSync(join(SHOPS, slug, 'setup.json'), 'utf8'))
  expect(kaffa).toContain('"coupons"')
  expect(northpaw).toContain('"plugin": "volume-tiers"')
  expect(hibiki).toContain('"unit_price"')
})

function shops(): { slug: string; currency: string }[] {
  return JSON.parse(readFileSync(join(SHOPS, 'shops.json'), 'utf8'))
}
