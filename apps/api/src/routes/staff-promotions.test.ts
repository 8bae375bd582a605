import { runDryRun } from '@souk/core/dry-runs/run-dry-run.ts'
import { generateCoupons } from '@souk/core/promotions/generate-coupons.ts'
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

const eur = (amount: number) => ({ amount, currency: 'EUR' })
const TEN_OFF = { type: 'percentage', on: 'order', rate_percent: '10' }

const get = (url: string, of = shop) => api.call(of.host, { url, token: of.token })
const post = (url: string, payload: object, of = shop, headers = {}) =>
  api.call(of.host, { method: 'POST', url, token: of.token, payload, headers })

function draft(given: object = {}): object {
  return { name: 'Ten off', actions: [TEN_OFF], reason: 'spring', ...given }
}

async function create(given: object = {}, of = shop) {
  const answer = await post('/v1/admin/promotions', draft(given), of)
  expect(answer.status, answer.text).toBe(201)
  return answer.body
}

async function publish(id: string, given: object = {}, of = shop) {
  const answer = await post(`/v1/admin/promotions/${id}/publish`, { version: 1, skip_dry_run: true, reason: 'go', ...given }, of)
  expect(answer.status, answer.text).toBe(200)
  return answer.body
}

const slugOf = ({ body }: { body: { type: string } }) => body.type.split('/').at(-1)
const faults = ({ body }: { body: { errors: { pointer: string; code: string }[] } }) =>
  body.errors.map(({ pointer, code }) => `${pointer} ${code}`).sort()

describe('a promotion', () => {
  it('is answered as it was written, whatever it does', async () => {
    const { variantId } = await addGoods(shop)
    const tea = { all: [{ fact: 'line.tags', operator: 'contains', value: 'tea' }] }
    const written = {
      name: 'Everything',
      description: 'All there is',
      trigger: 'coupon',
      priority: 700,
      stacking: { mode: 'exclusive', group: 'spring', discounted_lines: 'skip' },
      conditions: { all: [{ fact: 'cart.subtotal', operator: 'greaterThanInclusive', value: 5000 }] },
      actions: [
        { ...TEN_OFF, rate_percent: '12.5', where: tea, units_max: 3, amount_max: eur(500), basis: 'list' },
        { type: 'fixed', on: 'unit', amount: eur(100), where: null },
        { type: 'set_price', on: 'shipping', amount: eur(0) },
        { type: 'buy_x_get_y', buy: { quantity: 2 }, get: { where: tea, quantity: 1, first: 'dearest' }, rate_percent: '50', times_max: 4 },
        {
          type: 'tiers',
          on: 'line',
          by: 'quantity',
          per: 'product',
          tiers: [
            { from: 3, rate_percent: '5' },
            { from: 6, unit_price: eur(90) },
          ],
        },
        { type: 'tiers', on: 'order', by: 'amount', per: 'order', tiers: [{ from: eur(1000), amount: eur(100) }] },
        { type: 'bundle', parts: [{ where: tea, quantity: 1 }, { quantity: 2 }], value: { price: eur(1500) } },
        { type: 'gift', variant_id: variantId, quantity: 2 },
      ],
      schedule: {
        starts_at: '2026-11-27T00:00',
        ends_at: null,
        time_zone: 'Europe/Berlin',
        weekdays: [5],
        from_minute: 600,
        to_minute: 60,
      },
      limits: { uses: 100, uses_per_customer: 1, budget: eur(50_000), budget_overrun: 'refuse' },
    }
    const made = await create(written)
    expect(made).toMatchObject({ state: 'draft', latest_version: 1, live_version: null, rollout_percent: null })
    expect(made.version).toMatchObject({
      ...written,
      version: 1,
      stage: 'draft',
      reason: 'spring',
      author: { kind: 'staff', id: shop.owner.id },
    })
    expect(made.version.actions[4].tiers).toEqual([
      { from: 3, rate_percent: '5' },
      { from: 6, unit_price: eur(90) },
    ])
    const again = await get(`/v1/admin/promotions/${made.id}`)
    expect(again.body).toEqual(made)
    const { reason, version: _v, stage: _s, warnings: _w, promotion_id: _p, author: _a, ...fields } = made.version
    const { created_at: _c, dry_run_at: _d, first_live_at: _f, ...rewritten } = fields
    const second = await post(`/v1/admin/promotions/${made.id}/versions`, { ...rewritten, reason })
    expect(second.body.version).toMatchObject({ ...written, version: 2 })
  })

  it('names what is wrong by its place in the body', async () => {
    const wrong = async (given: object) => {
      const answer = await post('/v1/admin/promotions', draft(given))
      return [answer.status, slugOf(answer), ...faults(answer)]
    }
    expect(await wrong({ colour: 'red' })).toEqual([400, 'unknown-field', '/colour unknown-field'])
    expect(await wrong({ actions: [{ ...TEN_OFF, rate_percent: '101' }] })).toEqual([
      422,
      'percentage-out-of-range',
      '/actions/0/rate_percent percentage-out-of-range',
    ])
    expect(await wrong({ actions: [{ type: 'fixed', on: 'order', amount: { amount: 1, currency: 'USD' } }] })).toEqual([
      422,
      'currency-mismatch',
      '/actions/0/amount/currency currency-mismatch',
    ])
    expect(
      await wrong({ actions: [{ type: 'tiers', on: 'order', by: 'amount', per: 'order', tiers: [{ from: 3, rate_percent: '5' }] }] }),
    ).toEqual([422, 'promotion-invalid', '/actions/0/tiers/0/from value-type'])
    expect(await wrong({ conditions: { all: [{ fact: 'cart.subtotal', operator: 'equal', value: 1, path: '$.x' }] } })).toEqual([
      422,
      'rule-invalid',
      '/conditions/all/0/path refused-field',
    ])
    expect(await wrong({ reason: '' })).toEqual([400, 'invalid-body', '/reason invalid-body'])
  })

  it('is made once for one idempotency key', async () => {
    const headers = { 'idempotency-key': 'one' }
    const [first, second] = [
      await post('/v1/admin/promotions', draft(), shop, headers),
      await post('/v1/admin/promotions', draft(), shop, headers),
    ]
    expect([second.text, second.headers['idempotent-replayed']]).toEqual([first.text, 'true'])
  })

  it('needs the scope', async () => {
    const key = await post('/v1/admin/api-keys', { name: 'Reader', scopes: ['promotions:read'] })
    const asReader = (method: 'GET' | 'POST', url: string, payload?: object) =>
      api.call(shop.host, { method, url, token: key.body.secret, ...(payload && { payload }) })
    expect((await asReader('GET', '/v1/admin/promotions')).status).toBe(200)
    expect((await asReader('POST', '/v1/admin/promotions', draft())).status).toBe(403)
    expect((await asReader('GET', '/v1/admin/audit')).status).toBe(403)
  })
})

describe('the life of a promotion', () => {
  it('goes from a draft over a dry run to buyers, and back', async () => {
    const { variantId } = await addGoods(other, { price: 10_000n })
    const { id } = await create({}, other)
    const url = `/v1/admin/promotions/${id}`
    const early = await post(`${url}/publish`, { version: 1, reason: 'go' }, other)
    expect([early.status, slugOf(early), early.body.current_state]).toEqual([409, 'invalid-state', 'draft'])

    const cart = await api.call(other.host, {
      method: 'POST',
      url: '/v1/carts',
      payload: { lines: [{ variant_id: variantId, quantity: 1 }] },
    })
    const discountOf = async () => {
      const { body } = await api.call(other.host, { url: `/v1/carts/${cart.body.id}`, headers: { 'cart-token': cart.body.token } })
      return body.totals.discount.amount
    }
    expect(await discountOf()).toBe(0)
    const run = await post(`${url}/dry-runs`, { version: 1, cart_ids: [cart.body.id] }, other)
    expect([run.status, run.body]).toMatchObject([
      201,
      { status: 'done', source: 'carts', considered: 1, changed: 1, difference: eur(-1_000) },
    ])
    const found = await get(`/v1/admin/dry-runs/${run.body.id}`, other)
    expect(found.body.differences).toMatchObject([
      {
        subject_id: cart.body.id,
        order_number: null,
        difference: eur(-1_000),
        promotions_after: [{ promotion_id: id, amount: eur(1_000) }],
      },
    ])

    expect(await publish(id, { skip_dry_run: false }, other)).toMatchObject({ state: 'live', live_version: 1, rollout_percent: '100' })
    expect(await discountOf()).toBe(1_000)
    await post(`${url}/versions`, draft({ actions: [{ ...TEN_OFF, rate_percent: '20' }] }), other)
    expect(await publish(id, { version: 2, percent: '0.5' }, other)).toMatchObject({
      live_version: 2,
      rollout_percent: '0.5',
      base_version: 1,
    })
    expect(await publish(id, { version: 2 }, other)).toMatchObject({ live_version: 2, rollout_percent: '100', base_version: null })
    expect(await discountOf()).toBe(2_000)
    const back = await post(`${url}/roll-back`, { reason: 'too much' }, other)
    expect(back.body).toMatchObject({ live_version: 1, rollout_percent: '100' })
    expect(await discountOf()).toBe(1_000)
    expect((await post(`${url}/turn-off`, { reason: 'over' }, other)).body).toMatchObject({ state: 'off', live_version: null })
    expect(await discountOf()).toBe(0)
    expect(slugOf(await post(`${url}/turn-off`, { reason: 'over' }, other))).toBe('invalid-state')

    const versions = await get(`${url}/versions`, other)
    expect(versions.body.data.map(({ version, stage }: { version: number; stage: string }) => [version, stage])).toEqual([
      [2, 'retired'],
      [1, 'retired'],
    ])
    expect((await get(`${url}/versions/2`, other)).body).toEqual(versions.body.data[0])
    const log = await get(`/v1/admin/audit?target_id=${id}`, other)
    const told = log.body.data.map(({ action, reason }: { action: string; reason: string }) => [action, reason])
    expect(told).toEqual(
      expect.arrayContaining([
        ['promotion.rolled_back', 'too much'],
        ['promotion.turned_off', 'over'],
      ]),
    )
    expect(told).toHaveLength(8)
  })

  it('refuses shares of buyers that are none', async () => {
    const { id } = await create()
    for (const percent of ['0', '100.5', '-1', 'all']) {
      const answer = await post(`/v1/admin/promotions/${id}/publish`, { version: 1, percent, skip_dry_run: true, reason: 'go' })
      expect(answer.status, percent).toBe(422)
    }
  })

  it('runs a large dry run in the worker', async () => {
    const { id } = await create()
    const asked = await post(`/v1/admin/promotions/${id}/dry-runs`, { version: 1, orders: 101 })
    expect([asked.status, asked.body.status]).toEqual([202, 'queued'])
    await runDryRun(shop.inMerchant, { dryRunId: asked.body.id })
    expect((await get(`/v1/admin/dry-runs/${asked.body.id}`)).body).toMatchObject({ status: 'done', considered: 0, differences: [] })
    expect((await get(`/v1/admin/promotions/${id}/dry-runs`)).body.data).toMatchObject([{ id: asked.body.id, status: 'done' }])
    const both = await post(`/v1/admin/promotions/${id}/dry-runs`, { version: 1, orders: 5, cart_ids: [id] })
    expect(both.status).toBe(400)
  })
})

describe('coupons', () => {
  it('bring a promotion to a cart, are counted when it is ordered, and can be disabled', async () => {
    const { variantId } = await addGoods(shop, { price: 10_000n })
    const { id } = await create({ trigger: 'coupon', limits: { uses: 1 } })
    await publish(id)
    const made = await post('/v1/admin/coupons', { promotion_id: id, code: ' Welcome-1 ', uses_max: 5 })
    expect([made.status, made.body]).toMatchObject([201, { code: 'Welcome-1', uses_max: 5, customer_id: null }])
    const found = await get('/v1/admin/coupons?code=WELCOME%E2%80%901')
    expect(found.body.data).toEqual([made.body])
    expect((await get(`/v1/admin/coupons/${made.body.id}`)).body).toMatchObject({ uses: 0, amount: eur(0) })
    expect((await get(`/v1/admin/promotions/${id}/usage`)).body).toMatchObject({ uses: 0, by_version: [], limits: { uses: 1 } })

    const address = { name: 'Ada', line1: 'Street 1', city: 'Berlin', country: 'DE' }
    const payload = { lines: [{ variant_id: variantId, quantity: 1 }], email: 'ada@buyer.example', shipping_address: address }
    const cart = (await api.call(shop.host, { method: 'POST', url: '/v1/carts', payload })).body
    const headers = { 'cart-token': cart.token }
    const added = await api.call(shop.host, {
      method: 'POST',
      url: `/v1/carts/${cart.id}/coupons`,
      headers,
      payload: { code: 'welcome-1' },
    })
    expect(added.body.totals.discount, added.text).toEqual(eur(1_000))
    const ordered = await api.call(shop.host, {
      method: 'POST',
      url: `/v1/carts/${cart.id}/checkout`,
      headers: { ...headers, 'idempotency-key': 'order' },
      payload: { payment_method: 'invoice' },
    })
    expect(ordered.status, ordered.text).toBe(201)
    expect((await get(`/v1/admin/coupons/${made.body.id}`)).body).toMatchObject({ uses: 1, amount: eur(1_000) })
    expect((await get(`/v1/admin/promotions/${id}/usage`)).body).toMatchObject({
      uses: 1,
      amount: eur(1_000),
      by_version: [{ version: 1, uses: 1 }],
      counted: { uses: 1, amount: eur(1_000) },
    })

    const another = await create({ actions: [{ ...TEN_OFF, rate_percent: '50' }] })
    const run = await post(`/v1/admin/promotions/${another.id}/dry-runs`, { version: 1 })
    expect(run.body).toMatchObject({ considered: 1, changed: 1, total_before: ordered.body.totals.total })

    const disabled = await post(`/v1/admin/coupons/${made.body.id}/disable`, { reason: 'leaked' })
    expect(disabled.body.disabled_at).toEqual(expect.any(String))
  })

  it('are made in bulk by the worker, listed, and sent as a file', async () => {
    const { id } = await create({ trigger: 'coupon' })
    const terms = { uses_max: 1, expires_at: '2099-01-01T00:00:00+01:00' }
    const asked = await post('/v1/admin/coupon-batches', { promotion_id: id, name: 'Letter', prefix: 'spring-', quantity: 2_500, ...terms })
    expect([asked.status, asked.body]).toMatchObject([202, { status: 'queued', generated: 0, prefix: 'SPRING-', code_length: 10 }])
    await generateCoupons(shop.inMerchant, { batchId: asked.body.id })
    expect((await get(`/v1/admin/coupon-batches/${asked.body.id}`)).body).toMatchObject({ status: 'done', generated: 2_500 })
    const page = await get(`/v1/admin/coupons?batch_id=${asked.body.id}&limit=100`)
    expect(page.body.data).toHaveLength(100)
    const file = await get(`/v1/admin/coupon-batches/${asked.body.id}/codes`)
    expect(file.headers['content-type']).toBe('text/csv; charset=utf-8')
    const [header, ...lines] = file.text.trimEnd().split('\r\n')
    expect(header).toBe('code,uses_max,uses_per_customer,starts_at,expires_at,disabled_at')
    expect(lines).toHaveLength(2_500)
    expect(lines[0]).toMatch(/^"SPRING-[2-9A-Z]{10}",1,,,2098-12-31T23:00:00.000Z,$/)
    expect(new Set(lines).size).toBe(2_500)
    const off = await post(`/v1/admin/coupon-batches/${asked.body.id}/disable`, {})
    expect(off.body.disabled_at).toEqual(expect.any(String))
    expect((await get(`/v1/admin/coupons?batch_id=${asked.body.id}&limit=1`)).body.data[0].disabled_at).toBe(off.body.disabled_at)
    expect((await get(`/v1/admin/coupon-batches?promotion_id=${id}`)).body.data).toMatchObject([{ id: asked.body.id }])
  })

  it('are refused where they do not fit', async () => {
    const { id } = await create()
    const answer = await post('/v1/admin/coupons', { promotion_id: id, code: 'A' })
    expect([answer.status, ...faults(answer)]).toEqual([422, '/promotion_id not-by-coupon'])
    const bad = await post('/v1/admin/coupons', { promotion_id: id, code: 'a\u202eb' })
    expect([bad.status, slugOf(bad)]).toEqual([422, 'coupon-code-invalid'])
  })
})

describe('the audit log', () => {
  it('is filtered by what was done, to what, by whom and when, and turned page by page', async () => {
    await create()
    const first = await get('/v1/admin/audit?action=promotion.created&limit=1')
    expect(first.body.data).toMatchObject([{ action: 'promotion.created', target_type: 'promotion', before: null, after: { version: 1 } }])
    const rest = await get(`/v1/admin/audit?action=promotion.created&limit=100&cursor=${encodeURIComponent(first.body.next_cursor)}`)
    expect(rest.body.data.length).toBeGreaterThan(3)
    const actions = async (query: string) =>
      new Set((await get(`/v1/admin/audit?limit=100&${query}`)).body.data.map((entry: { action: string }) => entry.action))
    expect([...(await actions('target_type=coupon'))].sort()).toEqual(['coupon.created', 'coupon.disabled'])
    expect((await actions(`actor_id=${shop.owner.id}`)).size).toBeGreaterThan(5)
    expect((await actions('since=2099-01-01T00:00:00Z')).size).toBe(0)
    expect((await actions('until=2020-01-01T00:00:00Z')).size).toBe(0)
    const reused = await get(`/v1/admin/audit?action=coupon.created&cursor=${encodeURIComponent(first.body.next_cursor)}`)
    expect(slugOf(reused)).toBe('invalid-cursor')
  })
})
