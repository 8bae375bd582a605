import type { InjectOptions, RouteOptions } from 'fastify'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, createTestApi, type TestApi } from './testing/api.ts'
import { type Belongings, type Ground, prepareGround } from './testing/ground.ts'

// Every route there is, called at one merchant with the belongings of another: they must not be there. A new route takes part
// by existing; a new kind of parameter or body fails here until this file knows where another merchant's comes from.

const NOBODYS = '00000000-0000-7000-8000-000000000000'
const METHODS = ['GET', 'POST', 'PATCH', 'DELETE'] as const

let api: TestApi
let ground: Ground
let everything: postgres.Sql
let keys = 0

beforeAll(async () => {
  // One connection for both merchants: whatever a transaction might leave behind, the next one meets.
  api = await createTestApi({}, { connectionsPerCell: 1, waitMs: 10_000 })
  ground = await prepareGround(api)
  everything = postgres(api.shop.database.adminUrl, { max: 1 })
})
afterAll(async () => {
  await everything.end()
  await api.close()
})

const PARAMETERS: Record<string, (of: Belongings) => string> = {
  cart_id: (of) => of.cart.id,
  line_id: (of) => of.cart.lineId,
  order_id: (of) => of.order.id,
  product_id: (of) => of.productId,
  variant_id: (of) => of.variantId,
  import_id: (of) => of.importId,
  key_id: (of) => of.keyId,
  job_id: (of) => of.deadJobId,
}

const variantBody = { options: [], price: { amount: 1, currency: 'EUR' } }
const BODIES: Record<string, (of: Pick<Belongings, 'variantId'>) => object> = {
  'POST /v1/carts': (of) => ({ lines: [{ variant_id: of.variantId, quantity: 1 }] }),
  'PATCH /v1/carts/:cart_id': () => ({ email: 'thief@buyer.example' }),
  'POST /v1/carts/:cart_id/lines': (of) => ({ variant_id: of.variantId, quantity: 1 }),
  'PATCH /v1/carts/:cart_id/lines/:line_id': () => ({ quantity: 2 }),
  'POST /v1/carts/:cart_id/checkout': () => ({ payment_method: 'invoice' }),
  'PATCH /v1/admin/products/:product_id': () => ({ title: 'Taken over' }),
  'POST /v1/admin/products/:product_id/variants': () => variantBody,
  'PATCH /v1/admin/variants/:variant_id': () => ({ sku: 'TAKEN' }),
  'POST /v1/admin/stock/:variant_id/adjustments': () => ({ change: 1 }),
}
// Routes that name nothing of anybody's: they make something new, or speak of the merchant as a whole.
const NAMES_NOTHING = new Set([
  'POST /v1/admin/sessions',
  'POST /v1/admin/products',
  'POST /v1/admin/api-keys',
  'POST /v1/admin/imports',
  'PATCH /v1/admin/settings',
  'GET /v1/products/:handle',
])

const nameOf = (route: RouteOptions) => `${route.method} ${route.url}`

function merchantRoutes(): RouteOptions[] {
  return api.routes.filter((route) => METHODS.some((method) => method === route.method) && ['store', 'staff'].includes(route.config!.gate!))
}

/** A call at the first merchant, by whoever holds all of its rights, that names things of `of`. */
function request(route: RouteOptions, of: Belongings): InjectOptions & { token?: string } {
  const { capability, idempotency, gate } = route.config!
  const url = route.url.replaceAll(/:([a-z_]+)/g, (_all, parameter: string) => {
    const known = PARAMETERS[parameter]
    if (!known) throw new Error(`${nameOf(route)}: say in PARAMETERS where another merchant's ${parameter} comes from.`)
    return known(of)
  })
  const body = BODIES[nameOf(route)]
  if (route.schema?.body && !body) throw new Error(`${nameOf(route)}: say in BODIES, or in NAMES_NOTHING, what it is sent.`)
  keys += 1
  return {
    method: route.method as 'GET',
    url,
    ...(gate === 'staff' && { token: ground.shop.token }),
    headers: {
      ...(capability && { [`${capability}-token`]: capability === 'cart' ? of.cart.token : of.order.token }),
      ...(idempotency && { 'idempotency-key': `wrong-merchant-${keys}` }),
    },
    ...(body && { payload: body(of) }),
  }
}

/** Everything the second merchant has, as one text. */
async function contentOfOther(): Promise<string> {
  const { id } = ground.other.merchant
  const rows = await everything`
    select relname, query_to_xml(format('select * from %I where merchant_id = %L order by 1, 2, 3', relname, ${id}::text), true, false, '')::text as content
    from pg_class where relkind = 'r' and relrowsecurity and relnamespace = 'public'::regnamespace order by 1`
  return JSON.stringify(rows)
}

/** What would betray the second merchant in an answer to the first. */
function secrets(): string[] {
  const { foreign, other } = ground
  const { productId, variantId, cart, order, keyId, importId, deadJobId } = foreign
  return [
    other.merchant.id,
    other.merchant.slug,
    other.owner.email,
    productId,
    variantId,
    cart.id,
    cart.token,
    order.id,
    order.token,
    keyId,
    importId,
    deadJobId,
  ]
}

function expectSilence(answer: Answer): void {
  for (const secret of secrets()) expect(answer.text).not.toContain(secret)
}

/** A transaction of the first merchant that fails half way, on the connection that all share. */
async function failTransaction(): Promise<void> {
  const failing = ground.shop.inMerchant((tx) => tx.sql`select 1 / 0 from merchant_settings where merchant_id = ${tx.merchantId}`)
  await expect(failing).rejects.toThrow()
}

describe.each([
  ['as it comes', async () => {}],
  [
    'after a transaction of theirs',
    async () => void (await api.call(ground.other.host, { url: '/v1/admin/settings', token: ground.other.token })),
  ],
  ['after a transaction that failed', failTransaction],
])("another merchant's belongings, on a connection %s", (_name, before) => {
  it('answer every route as if they did not exist, and stay as they are', async () => {
    const content = await contentOfOther()
    const nobodys: Belongings = {
      ...ground.foreign,
      productId: NOBODYS,
      variantId: NOBODYS,
      cart: { ...ground.foreign.cart, id: NOBODYS, lineId: NOBODYS },
      order: { ...ground.foreign.order, id: NOBODYS },
      keyId: NOBODYS,
      importId: NOBODYS,
      deadJobId: NOBODYS,
    }
    const naming = merchantRoutes().filter((route) => !NAMES_NOTHING.has(nameOf(route)) && (route.url.includes(':') || route.schema?.body))
    expect(naming.length).toBeGreaterThan(20)
    for (const route of naming) {
      if (route.url.includes(':file')) continue
      await before()
      const theirs = await api.call(ground.shop.host, request(route, ground.foreign))
      const unknown = await api.call(ground.shop.host, request(route, nobodys))
      // The movements of a variant outlive it: of one that never was there are none.
      if (nameOf(route) === 'GET /v1/admin/stock/:variant_id/movements') expect(theirs.body.data).toEqual([])
      else expect(theirs.status, nameOf(route)).toBe(404)
      expect([theirs.status, theirs.text], nameOf(route)).toEqual([unknown.status, unknown.text])
      expectSilence(theirs)
    }
    expect(await contentOfOther()).toBe(content)
  })

  it('are in no list', async () => {
    const lists = merchantRoutes().filter((route) => route.method === 'GET' && !route.url.includes(':'))
    expect(lists.length).toBeGreaterThan(8)
    for (const route of lists) {
      await before()
      const answer = await api.call(ground.shop.host, {
        url: route.url,
        ...(route.config!.gate === 'staff' && { token: ground.shop.token }),
      })
      expect(answer.status, nameOf(route)).toBe(200)
      expectSilence(answer)
    }
  })

  it('go on nowhere: their cursors are none of ours', async () => {
    for (const route of merchantRoutes()) {
      const query = route.schema?.querystring as { shape?: Record<string, unknown> } | undefined
      if (!query?.shape?.cursor) continue
      await before()
      const url = `${route.url.replaceAll(/:([a-z_]+)/g, (_all, parameter: string) => PARAMETERS[parameter]!(ground))}?cursor=${encodeURIComponent(ground.foreign.cursor)}`
      const answer = await api.call(ground.shop.host, { url, ...(route.config!.gate === 'staff' && { token: ground.shop.token }) })
      expect(answer.body.type, nameOf(route)).toMatch(/invalid-cursor$/)
    }
  })

  it('do not open our doors: their tokens and keys are none of ours', async () => {
    const staffRoutes = merchantRoutes().filter((route) => route.config!.gate === 'staff')
    expect(staffRoutes.length).toBeGreaterThan(20)
    for (const route of staffRoutes) {
      await before()
      const url = route.url.replaceAll(/:([a-z_]+)/g, (_all, parameter: string) => PARAMETERS[parameter]!(ground))
      for (const [token, slug] of [
        [ground.other.token, /invalid-token$/],
        [ground.foreign.readOnlyKey, /invalid-api-key$/],
      ] as const) {
        const answer = await api.call(ground.shop.host, { method: route.method as 'GET', url, token })
        expect(answer.body.type, nameOf(route)).toMatch(slug)
      }
    }
  })
})

describe('equal names', () => {
  it('never meet: each merchant finds its own handle, SKU and key', async () => {
    const { shop, other, handle, sku } = ground
    const url = `/v1/products/${encodeURIComponent(handle)}`
    const [mine, theirs] = [await api.call(shop.host, { url }), await api.call(other.host, { url })]
    expect([mine.status, theirs.status]).toEqual([200, 200])
    expect(mine.body.id).not.toBe(theirs.body.id)
    const stock = (of: typeof shop) => api.call(of.host, { url: `/v1/admin/stock?sku=${sku}`, token: of.token })
    const [ours, others] = [await stock(shop), await stock(other)]
    expect([ours.body.data.length, others.body.data.length]).toEqual([1, 1])
    expect(ours.body.data[0].variant_id).not.toBe(others.body.data[0].variant_id)
  })
})
