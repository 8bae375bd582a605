import { buryJob } from '@souk/core/jobs/dead-jobs.ts'
import { addGoods } from '@souk/core/testing/goods.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiMerchant, createTestApi, type TestApi } from '../testing/api.ts'

let api: TestApi
let shop: ApiMerchant
let other: ApiMerchant

beforeAll(async () => {
  api = await createTestApi()
  shop = await api.addMerchant()
  other = await api.addMerchant()
})
afterAll(() => api.close())

const slugOf = (answer: { body: { type: string } }) => answer.body.type.split('/').at(-1)
const eur = (amount: number) => ({ amount, currency: 'EUR' })

function staff(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object, headers: Record<string, string> = {}) {
  return api.call(shop.host, { method, url, token: shop.token, headers, ...(payload && { payload }) })
}

const eventsSince = async (sequence: number) =>
  (await staff('GET', `/v1/admin/events?after=${sequence}`)).body.data as {
    sequence: number
    type: string
    data: Record<string, unknown>
  }[]
const lastSequence = async () => (await eventsSince(0)).at(-1)?.sequence ?? 0

describe('the settings', () => {
  it('are read, changed in part, and the change is an event', async () => {
    const before = await staff('GET', '/v1/admin/settings')
    const since = await lastSequence()
    const changed = await staff('PATCH', '/v1/admin/settings', { tax_rate_percent: '8.25', shipping: { amount: eur(700) } })
    expect(changed.body).toEqual({
      ...before.body,
      tax_rate_percent: '8.25',
      shipping: { ...before.body.shipping, amount: eur(700) },
      version: before.body.version + 1,
    })
    expect((await staff('GET', '/v1/admin/settings')).body).toEqual(changed.body)
    expect((await eventsSince(since)).map(({ type, data }) => [type, data])).toEqual([
      ['settings.updated', { changed: ['tax_rate_percent', 'shipping.amount'] }],
    ])
  })

  it('stay as they are when nothing differs, and refuse amounts in another currency', async () => {
    const before = await staff('GET', '/v1/admin/settings')
    expect((await staff('PATCH', '/v1/admin/settings', { name: before.body.name })).body).toEqual(before.body)
    const refused = await staff('PATCH', '/v1/admin/settings', { name: 'Another', shipping: { amount: { amount: 1, currency: 'USD' } } })
    expect(slugOf(refused)).toBe('currency-mismatch')
    expect((await staff('GET', '/v1/admin/settings')).body).toEqual(before.body)
  })

  it('show in the shop', async () => {
    await staff('PATCH', '/v1/admin/settings', { name: 'Cafe\u0301' })
    const store = await api.call(shop.host, { url: '/v1/store' })
    expect(store.body).toMatchObject({ id: shop.merchant.id, name: 'Caf\u00e9', currency: 'EUR' })
  })
})

describe('a product', () => {
  it('is created, shown, changed and deleted, by nobody else', async () => {
    const created = await staff('POST', '/v1/admin/products', {
      title: 'Cup',
      options: ['Size'],
      tags: ['new'],
      images: [{ url: '/media/cup.svg', alt: 'A cup' }],
      variants: [
        { options: ['S'], price: eur(900), sku: 'CUP-S', tracked: true, quantity: 3 },
        { options: ['L'], price: eur(1_200), compare_at_price: eur(1_500) },
      ],
    })
    expect(created.status).toBe(201)
    const { id, handle, variants } = created.body
    expect(handle).toBe('cup')
    expect(created.body).toMatchObject({
      options: [{ name: 'Size', values: ['S', 'L'] }],
      images: [{ url: '/media/cup.svg', alt: 'A cup' }],
      variants: [
        { title: 'S', options: ['S'], price: eur(900), compare_at_price: null, sku: 'CUP-S' },
        { title: 'L', price: eur(1_200), compare_at_price: eur(1_500) },
      ],
      created_at: api.clock.now.toISOString(),
    })
    expect(variants.map((variant: { on_hand: number; available: number }) => [variant.on_hand, variant.available])).toEqual([
      [3, 3],
      [0, 0],
    ])
    expect((await staff('GET', `/v1/admin/products/${id}`)).body).toEqual(created.body)
    const shown = await api.call(shop.host, { url: '/v1/products/cup' })
    expect(shown.body).toMatchObject({ id, options: [{ name: 'Size', values: ['S', 'L'] }] })
    const foreign = { url: `/v1/admin/products/${id}`, token: other.token }
    for (const method of ['GET', 'DELETE'] as const) expect(slugOf(await api.call(other.host, { ...foreign, method }))).toBe('not-found')
    expect(slugOf(await api.call(other.host, { ...foreign, method: 'PATCH', payload: { title: 'Mine' } }))).toBe('not-found')

    const changed = await staff('PATCH', `/v1/admin/products/${id}`, { title: 'Mug', handle: 'mug', status: 'draft' })
    expect(changed.body).toMatchObject({ title: 'Mug', handle: 'mug', status: 'draft', tags: ['new'] })
    expect((await api.call(shop.host, { url: '/v1/products/mug' })).status).toBe(404)
    expect((await staff('DELETE', `/v1/admin/products/${id}`)).status).toBe(204)
    expect(slugOf(await staff('GET', `/v1/admin/products/${id}`))).toBe('not-found')
  })

  it('has variants that are added, changed and deleted', async () => {
    const { body: product } = await staff('POST', '/v1/admin/products', {
      title: 'Bag',
      options: ['Colour'],
      variants: [{ options: ['Red'], price: eur(1) }],
    })
    const added = await staff('POST', `/v1/admin/products/${product.id}/variants`, {
      options: ['Blue'],
      price: eur(2),
      tracked: true,
      quantity: 4,
    })
    expect(added.body).toMatchObject({ title: 'Blue', price: eur(2), on_hand: 4, product_id: product.id })
    expect(slugOf(await staff('POST', `/v1/admin/products/${product.id}/variants`, { options: ['Blue'], price: eur(2) }))).toBe('duplicate')
    const url = `/v1/admin/variants/${added.body.id}`
    expect((await staff('PATCH', url, { price: eur(3), compare_at_price: eur(5) })).body).toMatchObject({
      price: eur(3),
      compare_at_price: eur(5),
    })
    expect((await staff('PATCH', url, { compare_at_price: null })).body).toMatchObject({ price: eur(3), compare_at_price: null })
    expect((await staff('DELETE', url)).status).toBe(204)
    expect(slugOf(await staff('PATCH', url, { price: eur(1) }))).toBe('not-found')
    expect(slugOf(await staff('DELETE', `/v1/admin/variants/${product.variants[0].id}`))).toBe('invalid-state')
  })

  it('is created once by a request that comes twice', async () => {
    const twice = () => staff('POST', '/v1/admin/products', { title: 'Once', variants: [{ price: eur(1) }] }, { 'idempotency-key': 'once' })
    const [first, second] = [await twice(), await twice()]
    expect(second.text).toBe(first.text)
    expect(second.headers['idempotent-replayed']).toBe('true')
  })

  it('is listed page by page, with those nobody can buy', async () => {
    const seen: string[] = []
    for (let cursor = ''; ; ) {
      const page = await staff('GET', `/v1/admin/products?limit=1${cursor}`)
      seen.push(...page.body.data.map((product: { title: string }) => product.title))
      if (page.body.next_cursor === null) break
      cursor = `&cursor=${encodeURIComponent(page.body.next_cursor)}`
    }
    // Made in the same instant of a clock that stands still: the order of these two is chance.
    expect(seen.sort()).toEqual(['Bag', 'Once'])
  })
})

describe('stock', () => {
  it('is adjusted with a movement, and never below what is promised', async () => {
    const { variantId } = await addGoods(shop, { onHand: 10n })
    const adjust = (change: number, key: string) =>
      staff('POST', `/v1/admin/stock/${variantId}/adjustments`, { change, reason: 'counted' }, { 'idempotency-key': key })
    const down = await adjust(-4, 'down')
    expect(down.body).toMatchObject({ variant_id: variantId, on_hand: 6, available: 6 })
    expect((await adjust(-4, 'down')).text).toBe(down.text)
    expect(slugOf(await adjust(-7, 'further'))).toBe('insufficient-stock')
    const movements = await staff('GET', `/v1/admin/stock/${variantId}/movements?limit=1`)
    expect(movements.body.data).toMatchObject([
      { on_hand_change: -4, reason: 'adjustment', note: 'counted', actor: { kind: 'staff', id: shop.owner.id } },
    ])
    const rest = await staff('GET', `/v1/admin/stock/${variantId}/movements?cursor=${encodeURIComponent(movements.body.next_cursor)}`)
    expect(rest.body).toMatchObject({ data: [{ on_hand_change: 10 }], next_cursor: null })
    const level = await staff('GET', `/v1/admin/stock?variant_id=${variantId}`)
    expect(level.body.data).toMatchObject([{ variant_id: variantId, on_hand: 6 }])
    const { sku } = level.body.data[0]
    expect((await staff('GET', `/v1/admin/stock?sku=${sku}`)).body.data).toEqual(level.body.data)
    const foreign = await api.call(other.host, { url: `/v1/admin/stock?sku=${sku}`, token: other.token })
    expect(foreign.body.data).toEqual([])
  })

  it('pages of one filter are of no use to another', async () => {
    await addGoods(shop, {})
    const page = await staff('GET', '/v1/admin/stock?limit=1')
    const cursor = encodeURIComponent(page.body.next_cursor)
    expect((await staff('GET', `/v1/admin/stock?limit=1&cursor=${cursor}`)).status).toBe(200)
    expect(slugOf(await staff('GET', `/v1/admin/stock?limit=1&sku=x&cursor=${cursor}`))).toBe('invalid-cursor')
  })
})

describe('dead jobs', () => {
  it('are shown, and given another chance, once', async () => {
    const importId = '00000000-0000-7000-8000-000000000001'
    await shop.inMerchant((tx) =>
      buryJob(tx, {
        queueId: 1n,
        task: 'run_import',
        jobKey: null,
        payload: { importId },
        attempts: 10,
        lastError: 'gave up',
        enqueuedAt: api.clock.now,
      }),
    )
    const listed = await staff('GET', '/v1/admin/dead-jobs')
    expect(listed.body.data).toMatchObject([{ task: 'run_import', payload: { importId }, attempts: 10 }])
    const retry = `/v1/admin/dead-jobs/${listed.body.data[0].id}/retry`
    expect(slugOf(await api.call(other.host, { method: 'POST', url: retry, token: other.token }))).toBe('not-found')
    expect((await staff('POST', retry)).status).toBe(204)
    expect(slugOf(await staff('POST', retry))).toBe('not-found')
    expect((await staff('GET', '/v1/admin/dead-jobs')).body.data).toEqual([])
  })
})
