import { expect, test } from 'vitest'
import { readDemoShops } from './demo-shops.ts'
import { type Staff, setUpShop } from './set-up-shop.ts'
import { type Body, readSetup, withIds } from './shop-setup.ts'

// Against lists in memory, so that a run can be killed at every single write. That the API takes what is sent is shown by start.test.ts.

type Entity = Body & { id: string }

const SLUGS = readDemoShops().map(({ slug }) => slug)
const buildPlugin = async (plugin: string) => ({ manifest: { name: plugin }, source: '' })

/** A shop's lists. It does not take a thing twice, and dies at the write it is told to: before or after it was done. */
class PretendedShop implements Staff {
  readonly lists = new Map<string, Entity[]>()
  readonly settings: string[] = []
  writes = 0
  dies: { at: number; done: boolean } | undefined

  constructor(slug: string) {
    const setup = readSetup(slug)
    const products = (setup.collections ?? []).flatMap(({ products }) => products).map((handle) => ({ id: handle, handle, variants: [] }))
    const skus = [...JSON.stringify(setup).matchAll(/"sku:([^"]+)"/g)].map(([, sku]) => ({ id: `variant ${sku}`, sku }))
    this.lists.set('/v1/admin/products', [...products, { id: 'one', handle: 'one', variants: skus }])
  }

  async read(): Promise<Body> {
    throw new Error('nothing is read by itself')
  }

  async list(path: string): Promise<Entity[]> {
    const [list = '', query] = path.split('?')
    const promotion = new URLSearchParams(query).get('promotion_id')
    return this.#list(list).filter((entity) => promotion === null || entity.promotion_id === promotion)
  }

  async write(method: 'POST' | 'PATCH' | 'PUT', path: string, json: Body): Promise<Entity> {
    this.writes += 1
    const dies = this.dies?.at === this.writes
    if (dies && !this.dies?.done) throw new Error('killed')
    const answer = method === 'POST' ? this.#post(path, structuredClone(json)) : this.#patch(path)
    if (dies) throw new Error('killed')
    return structuredClone(answer)
  }

  #patch(path: string): Entity {
    this.settings.push(path)
    return { id: path }
  }

  #post(path: string, json: Body): Entity {
    const [, list = '', id, verb] = /^(\/v1\/admin\/(?:plugins\/)?[^/]+)(?:\/([^/]+)\/([^/]+))?$/.exec(path)!
    const entity = this.#list(list).find((each) => each.id === id)
    if (verb === 'products') return Object.assign(entity!, { product_count: (json.product_ids as string[]).length })
    if (verb === 'publish') return Object.assign(entity!, { state: 'live' })
    if (verb === 'members') {
      const customer = this.#list('/v1/admin/customers').find((each) => each.id === json.customer_id)!
      ;(customer.groups as Body[]).push({ handle: entity!.handle })
      return customer
    }
    return this.#create(list, json)
  }

  #create(list: string, json: Body): Entity {
    const entities = this.#list(list)
    const again = entities.find((each) => JSON.stringify(each.sent) === JSON.stringify(json))
    if (again && list !== '/v1/admin/plugins/releases') throw new Error(`${list} has it already: ${JSON.stringify(json)}`)
    const defaults = { product_count: 0, groups: [], state: 'draft', latest_version: 1 }
    const entity = { ...defaults, ...json, sent: json, id: `${list.slice(list.lastIndexOf('/') + 1)}-${entities.length}` }
    if (!again) entities.push(entity)
    return again ?? entity
  }

  #list(list: string): Entity[] {
    if (!this.lists.has(list)) this.lists.set(list, [])
    return this.lists.get(list)!
  }
}

async function complete(slug: string): Promise<PretendedShop> {
  const shop = new PretendedShop(slug)
  await setUpShop(shop, readSetup(slug), buildPlugin)
  return shop
}

test.each(SLUGS)('%s is set up once: a second time nothing is written', async (slug) => {
  const shop = await complete(slug)
  const { writes } = shop
  expect(writes).toBeGreaterThan(15)
  expect(await setUpShop(shop, readSetup(slug), buildPlugin)).toBe(0)
  expect(shop.writes).toBe(writes)
})

test.each(SLUGS)('a run for %s that was killed at any write is finished by the next', async (slug) => {
  const whole = await complete(slug)
  for (let at = 1; at <= whole.writes; at += 1) {
    for (const done of [false, true]) {
      const shop = new PretendedShop(slug)
      shop.dies = { at, done }
      await expect(setUpShop(shop, readSetup(slug), buildPlugin)).rejects.toThrow('killed')
      shop.dies = undefined
      await setUpShop(shop, readSetup(slug), buildPlugin)
      expect(Object.fromEntries(shop.lists), `killed ${done ? 'after' : 'before'} write ${at}`).toEqual(Object.fromEntries(whole.lists))
      expect(new Set(shop.settings)).toEqual(new Set(whole.settings))
    }
  }
})

test('what the merchant changed since stays', async () => {
  const shop = await complete('kaffa')
  const [promotion, ...others] = shop.lists.get('/v1/admin/promotions')!
  Object.assign(promotion!, { state: 'off' })
  Object.assign(shop.lists.get('/v1/admin/tax-rates')![0]!, { rate_percent: '16', name: 'VAT' })
  Object.assign(shop.lists.get('/v1/admin/shipping-methods')![0]!, { name: 'By bicycle' })
  expect(await setUpShop(shop, readSetup('kaffa'), buildPlugin)).toBe(0)
  expect(others.some(({ state }) => state === 'live')).toBe(true)
})

test('drafts are left for the merchant to try', async () => {
  const shop = await complete('kaffa')
  const drafts = shop.lists.get('/v1/admin/promotions')!.filter(({ state }) => state === 'draft')
  expect(drafts.map(({ name }) => name)).toEqual(['Advent: 20 % off gifts'])
})

test('a name that stands for an id is looked up wherever it stands', () => {
  const ids = new Map([
    ['sku:A-1', 'variant'],
    ['zone:Germany', 'zone'],
  ])
  const body = { actions: [{ variant_id: 'sku:A-1' }], zone_ids: ['zone:Germany'], name: 'sku', count: 3, nothing: null }
  expect(withIds(body, ids)).toEqual({ actions: [{ variant_id: 'variant' }], zone_ids: ['zone'], name: 'sku', count: 3, nothing: null })
  expect(() => withIds({ variant_id: 'sku:B-2' }, ids)).toThrow('sku:B-2')
})
