import { Admins } from '@souk/platform/admins.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApi, PASSWORD, type TestApi } from '../testing/api.ts'

const PLATFORM = 'platform.localhost'

let api: TestApi
let admin: string

beforeAll(async () => {
  api = await createTestApi()
  admin = await api.adminToken()
})
afterAll(() => api.close())

function newShop(slug: string, more: Record<string, unknown> = {}) {
  return {
    slug,
    name: 'Kaffa',
    currency: 'EUR',
    country: 'DE',
    prices_include_tax: true,
    tax_rate_percent: '19',
    shipping: { name: 'Parcel', amount_minor: 490 },
    contact_email: 'hello@kaffa.example',
    staff: { email: 'Owner@Kaffa.example', name: 'Owner', password: PASSWORD },
    ...more,
  }
}

function make(slug: string, key: string, more: Record<string, unknown> = {}) {
  return api.call(PLATFORM, {
    method: 'POST',
    url: '/v1/merchants',
    token: admin,
    headers: { 'idempotency-key': key },
    payload: newShop(slug, more),
  })
}

const directory = (slug: string) => api.platformSql`select id, status from platform.merchant where slug = ${slug}`
const slugOf = (answer: { body: { type: string } }) => answer.body.type.split('/').at(-1)

describe('making a merchant', () => {
  it('serves the shop at its host at once, and its owner can sign in', async () => {
    const made = await make('kaffa', 'kaffa-1')
    expect(made.status).toBe(201)
    expect(made.body.merchant).toMatchObject({ slug: 'kaffa', status: 'active', cell: 'shared-1', url: 'http://kaffa.localhost:3000' })
    const host = 'kaffa.localhost'
    expect((await api.call(host, { url: '/v1/store' })).body).toMatchObject({ slug: 'kaffa', currency: 'EUR', prices_include_tax: true })
    const session = await api.call(host, {
      method: 'POST',
      url: '/v1/admin/sessions',
      payload: { email: 'owner@kaffa.example', password: PASSWORD },
    })
    expect(session.status).toBe(200)
    const token = session.body.access_token
    expect((await api.call(host, { url: '/v1/admin/me', token })).body).toMatchObject({ kind: 'staff', merchant_id: made.body.merchant.id })
    const settings = await api.call(host, { url: '/v1/admin/settings', token })
    expect(settings.body).toMatchObject({ tax_rate_percent: '19', shipping: { name: 'Parcel', amount: { amount: 490, currency: 'EUR' } } })
    const events = await api.call(host, { url: '/v1/admin/events', token })
    expect(events.body.data.map((event: { type: string }) => event.type)).toEqual(['merchant.provisioned'])
  })

  it('answers the same to the same request, and refuses the key for another', async () => {
    const first = await make('again', 'again-1')
    const replayed = await make('again', 'again-1')
    expect(replayed.text).toBe(first.text)
    expect(replayed.headers['idempotent-replayed']).toBe('true')
    expect(first.headers['idempotent-replayed']).toBeUndefined()
    expect(slugOf(await make('again', 'again-1', { name: 'Another' }))).toBe('idempotency-key-reused')
    expect(slugOf(await make('again', 'again-2'))).toBe('duplicate')
    expect(await directory('again')).toHaveLength(1)
  })

  it('makes one merchant when the request comes thirty times at once', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => make('rush', 'rush-1')))
    const made = answers.filter((answer) => answer.status === 201)
    expect(new Set(made.map((answer) => answer.text)).size).toBe(1)
    for (const answer of answers) expect(answer.status === 201 || slugOf(answer) === 'idempotency-in-progress').toBe(true)
    expect(await directory('rush')).toHaveLength(1)
    expect((await make('rush', 'rush-1')).text).toBe(made[0]!.text)
  })

  it.each(['begun', 'admitted', 'set_up'])('that died after the step %s is finished by the same request', async (dying) => {
    const slug = `dies-${dying.replace('_', '-')}`
    let alive = false
    const mortal = await createTestApi({
      router: api.shop.router,
      platformSql: api.platformSql,
      cells: api.options.cells,
      jwtKeys: api.options.jwtKeys,
      onProvisioningStep: (step) => {
        if (step === dying && !alive) throw new Error('the process died here')
      },
    })
    const request = {
      method: 'POST' as const,
      url: '/v1/merchants',
      token: admin,
      headers: { 'idempotency-key': slug },
      payload: newShop(slug),
    }
    expect((await mortal.call(PLATFORM, request)).status).toBe(500)
    expect(await directory(slug)).toMatchObject([{ status: 'provisioning' }])
    expect((await api.call(`${slug}.localhost`, { url: '/v1/store' })).status).toBe(421)
    expect(slugOf(await make(slug, `${slug}-other`))).toBe('duplicate')
    alive = true
    const finished = await mortal.call(PLATFORM, request)
    expect(finished.status).toBe(201)
    expect((await mortal.call(PLATFORM, request)).text).toBe(finished.text)
    expect((await api.call(`${slug}.localhost`, { url: '/v1/store' })).body.slug).toBe(slug)
    const merchant = await api.shop.router.directory.byHost(`${slug}.localhost`)
    const counts = await api.shop.router
      .inMerchant(merchant!)
      .readOnce((tx) => [
        tx.sql`select count(*)::int from merchant_settings where merchant_id = ${tx.merchantId}`,
        tx.sql`select count(*)::int from location where merchant_id = ${tx.merchantId}`,
        tx.sql`select count(*)::int from merchant_counter where merchant_id = ${tx.merchantId}`,
        tx.sql`select count(*)::int from staff where merchant_id = ${tx.merchantId}`,
        tx.sql`select count(*)::int from event where merchant_id = ${tx.merchantId}`,
      ])
    expect(counts.map(([row]) => row!.count)).toEqual([1, 1, 1, 1, 1])
    await mortal.app.close()
    await mortal.shop.close()
  })

  it.each([
    ['too short', 'ab'],
    ['too long', 'a'.repeat(41)],
    ['in capitals', 'Kaffa'],
    ['with a letter of another script', 'k\u0430ffa'],
    ['in Punycode', 'xn--kffa-6ka'],
    ['with a hyphen at its end', 'kaffa-'],
    ['with two hyphens', 'kaf--fa'],
    ['with a dot', 'a.kaffa'],
    ['empty', ''],
    ['the platform itself', 'platform'],
    ['the API', 'api'],
    ['www', 'www'],
    ['admin', 'admin'],
  ])('refuses a slug that is %s', async (_name, slug) => {
    const answer = await make(slug, `slug-${slug.length}-${Buffer.from(slug).toString('hex')}`)
    expect([answer.status, slugOf(answer)]).toEqual([422, 'invalid-slug'])
    expect(await directory(slug)).toEqual([])
  })

  it.each([
    ['XXX', 'currency-unsupported'],
    ['XTS', 'currency-unsupported'],
    ['DEM', 'currency-unsupported'],
    ['eur', 'currency-unsupported'],
    ['EURO', 'currency-unsupported'],
  ])('refuses the currency %s', async (currency, expected) => {
    expect(slugOf(await make('coins', `coins-${currency}`, { currency }))).toBe(expected)
  })

  it('needs an admin, and a key', async () => {
    const payload = newShop('nobody')
    const bare = await api.call(PLATFORM, { method: 'POST', url: '/v1/merchants', payload, headers: { 'idempotency-key': 'x' } })
    expect(slugOf(bare)).toBe('credentials-missing')
    const keyless = await api.call(PLATFORM, { method: 'POST', url: '/v1/merchants', token: admin, payload })
    expect(slugOf(keyless)).toBe('idempotency-key-missing')
  })
})

describe('the platform', () => {
  it('closes and opens a shop, which is felt at once', async () => {
    const { body } = await make('opens', 'opens-1')
    const url = `/v1/merchants/${body.merchant.id}`
    const set = (status: string) => api.call(PLATFORM, { method: 'PATCH', url, token: admin, payload: { status } })
    expect((await set('suspended')).body.status).toBe('suspended')
    expect(slugOf(await api.call('opens.localhost', { url: '/v1/store' }))).toBe('merchant-suspended')
    expect((await set('suspended')).status).toBe(200)
    expect((await set('active')).body.status).toBe('active')
    expect((await api.call('opens.localhost', { url: '/v1/store' })).status).toBe(200)
    const audit = await api.platformSql`select action, data from platform.audit where merchant_id = ${body.merchant.id} order by id`
    expect(audit.map((row) => [row.action, row.data.status ?? row.data.slug])).toEqual([
      ['merchant.provision', 'opens'],
      ['merchant.set_status', 'suspended'],
      ['merchant.set_status', 'active'],
    ])
    const unknown = '00000000-0000-7000-8000-000000000000'
    const patch = { method: 'PATCH' as const, url: `/v1/merchants/${unknown}`, token: admin, payload: { status: 'active' } }
    expect(slugOf(await api.call(PLATFORM, patch))).toBe('not-found')
  })

  it('lists merchants page by page, the newest first', async () => {
    for (const n of [1, 2, 3]) await make(`listed-${n}`, `listed-${n}`)
    const all = await api.call(PLATFORM, { url: '/v1/merchants?limit=100', token: admin })
    const ids = all.body.data.map((one: { id: string }) => one.id)
    expect(ids).toEqual([...ids].sort().reverse())
    const first = await api.call(PLATFORM, { url: '/v1/merchants?limit=2', token: admin })
    const second = await api.call(PLATFORM, {
      url: `/v1/merchants?limit=2&cursor=${encodeURIComponent(first.body.next_cursor)}`,
      token: admin,
    })
    expect([...first.body.data, ...second.body.data].map((one) => one.id)).toEqual(ids.slice(0, 4))
    expect((await api.call(PLATFORM, { url: `/v1/merchants/${ids[0]}`, token: admin })).body).toEqual(all.body.data[0])
  })

  it('shows cells and workers', async () => {
    const cells = await api.call(PLATFORM, { url: '/v1/cells', token: admin })
    expect(cells.body.data).toMatchObject([{ name: 'shared-1', kind: 'shared', status: 'open' }])
    expect(cells.body.data[0].merchant_count).toBeGreaterThan(0)
    expect((await api.call(PLATFORM, { url: '/v1/workers', token: admin })).body).toEqual({ data: [] })
    const admins = postgres(api.shop.database.adminUrl, { max: 1 })
    await admins`insert into queue.runner (pool_id, process) values ('pool-1', 'process-1')`
    await admins.end()
    expect((await api.call(PLATFORM, { url: '/v1/workers', token: admin })).body.data).toMatchObject([
      { cell: 'shared-1', pool_id: 'pool-1', process: 'process-1' },
    ])
  })

  it('signs admins in, and out when they are disabled', async () => {
    const wrong = await api.call(PLATFORM, {
      method: 'POST',
      url: '/v1/sessions',
      payload: { email: 'admin@souk.example', password: 'wrong' },
    })
    expect(slugOf(wrong)).toBe('invalid-credentials')
    await new Admins(api.platformSql).ensure({ email: 'second@souk.example', password: PASSWORD, now: api.clock.now })
    const session = await api.call(PLATFORM, {
      method: 'POST',
      url: '/v1/sessions',
      payload: { email: 'second@souk.example', password: PASSWORD },
    })
    const token = session.body.access_token
    expect((await api.call(PLATFORM, { url: '/v1/cells', token })).status).toBe(200)
    await api.platformSql`update platform.admin set disabled_at = now() where email = 'second@souk.example'`
    api.clock.now = new Date(api.clock.now.getTime() + 30_000)
    expect(slugOf(await api.call(PLATFORM, { url: '/v1/cells', token }))).toBe('token-revoked')
  })

  it('keeps the password of an admin that is right already, and its tokens', async () => {
    const admins = new Admins(api.platformSql)
    const row = () => api.platformSql`select password_hash, tokens_valid_after from platform.admin where email = 'admin@souk.example'`
    const before = await row()
    await admins.ensure({ email: 'Admin@Souk.example', password: PASSWORD, now: api.clock.now })
    expect(await row()).toEqual(before)
    await admins.ensure({ email: 'other@souk.example', password: PASSWORD, now: api.clock.now })
    await admins.ensure({ email: 'other@souk.example', password: 'another password', now: api.clock.now })
    await expect(admins.signIn({ email: 'other@souk.example', password: PASSWORD })).rejects.toThrow()
    expect((await admins.signIn({ email: 'other@souk.example', password: 'another password' })).email).toBe('other@souk.example')
  })
})

describe("a merchant's own domain", () => {
  it('is served once its DNS record is there, and no longer when removed', async () => {
    const { body } = await make('domains', 'domains-1')
    const base = `/v1/merchants/${body.merchant.id}/domains`
    const add = (host: string, id = body.merchant.id) =>
      api.call(PLATFORM, { method: 'POST', url: `/v1/merchants/${id}/domains`, token: admin, payload: { host } })
    const verify = () => api.call(PLATFORM, { method: 'POST', url: `${base}/www.kaffa.example/verify`, token: admin })
    const store = () => api.call('www.kaffa.example', { url: '/v1/store' })

    const added = await add('WWW.Kaffa.example')
    expect(added.body).toMatchObject({
      host: 'www.kaffa.example',
      verified_at: null,
      challenge: { type: 'TXT', name: '_souk-challenge.www.kaffa.example' },
    })
    expect((await add('www.kaffa.example')).body).toEqual(added.body)
    expect(slugOf(await verify())).toBe('domain-not-verified')
    api.dns.set(added.body.challenge.name, [['something', 'else']])
    expect(slugOf(await verify())).toBe('domain-not-verified')
    expect((await store()).status).toBe(421)
    const half = added.body.challenge.value.length / 2
    api.dns.set(added.body.challenge.name, [
      ['v=spf1'],
      [added.body.challenge.value.slice(0, half), added.body.challenge.value.slice(half)],
    ])
    const verified = await verify()
    expect(verified.body.verified_at).not.toBeNull()
    await expect.poll(async () => (await store()).body.slug).toBe('domains')
    expect((await api.call(PLATFORM, { url: base, token: admin })).body.data).toEqual([verified.body])

    const { body: rival } = await make('rival', 'rival-1')
    expect(slugOf(await add('www.kaffa.example', rival.merchant.id))).toBe('duplicate')
    const foreign = { method: 'DELETE' as const, url: `/v1/merchants/${rival.merchant.id}/domains/www.kaffa.example`, token: admin }
    expect(slugOf(await api.call(PLATFORM, foreign))).toBe('not-found')
    expect((await api.call(PLATFORM, { method: 'DELETE', url: `${base}/www.kaffa.example`, token: admin })).status).toBe(204)
    await expect.poll(async () => (await store()).status).toBe(421)
  })

  it.each([
    'localhost',
    'shop.localhost',
    '127.0.0.1',
    '[::1]',
    'nodot',
    'a..b',
    '-a.example',
    'a_b.example',
    'kaffa.123',
    `${'a'.repeat(64)}.example`,
    'x y.example',
  ])('cannot be %s', async (host) => {
    const { body } = await make('nodomain', 'nodomain-1')
    const answer = await api.call(PLATFORM, {
      method: 'POST',
      url: `/v1/merchants/${body.merchant.id}/domains`,
      token: admin,
      payload: { host },
    })
    expect([answer.status, slugOf(answer)]).toEqual([422, 'host-not-allowed'])
  })
})
