import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiMerchant, createTestApi, type TestApi } from '../testing/api.ts'

let api: TestApi
let first: ApiMerchant
let second: ApiMerchant

beforeAll(async () => {
  api = await createTestApi()
  first = await api.addMerchant()
  second = await api.addMerchant()
})
afterAll(() => api.close())

const slugOf = (type: string) => type.split('/').at(-1)

async function storeAt(host: string, headers: Record<string, string> = {}): Promise<string> {
  const answer = await api.call(host, { url: '/v1/store', headers })
  return answer.status === 200 ? answer.body.slug : `${answer.status} ${slugOf(answer.body.type)}`
}

describe('the host decides the merchant', () => {
  it('by its slug, whatever the port and the letter case', async () => {
    const { slug } = first.merchant
    expect(await storeAt(first.host)).toBe(slug)
    expect(await storeAt(`${first.host}:3000`)).toBe(slug)
    expect(await storeAt(first.host.toUpperCase())).toBe(slug)
  })

  it.each([
    ['nobody has', 'nobody.localhost', '421 misdirected'],
    ['the platform alone has', 'localhost', '421 misdirected'],
    ['an address has', '127.0.0.1:3000', '421 misdirected'],
    ['an IPv6 address has', '[::1]:3000', '421 misdirected'],
    ['is deeper', 'a.b.localhost', '421 misdirected'],
    ['holds a path', 'a.localhost/x', '400 bad-host'],
    ['holds a user', 'user@a.localhost', '400 bad-host'],
    ['holds spaces', 'a b', '400 bad-host'],
    ['ends in a dot', 'a.localhost.', '400 bad-host'],
    ['has a strange port', 'a.localhost:x', '400 bad-host'],
  ])('refuses a name that %s', async (_name, host, expected) => {
    expect(await storeAt(host)).toBe(expected)
  })

  it('and no header of a proxy does', async () => {
    const spoofed = {
      'x-forwarded-host': second.host,
      'x-forwarded-for': '1.2.3.4',
      'x-original-host': second.host,
      forwarded: `host=${second.host}`,
    }
    expect(await storeAt(first.host, spoofed)).toBe(first.merchant.slug)
    expect(await storeAt('nobody.localhost', spoofed)).toBe('421 misdirected')
  })

  it('by a domain of its own, once verified', async () => {
    const host = 'shop.first.example'
    await api.platformSql`insert into platform.domain (host, merchant_id, challenge) values (${host}, ${first.merchant.id}, 'c')`
    await expect.poll(() => storeAt(host)).toBe('421 misdirected')
    await api.platformSql`update platform.domain set verified_at = now() where host = ${host}`
    await expect.poll(() => storeAt(host)).toBe(first.merchant.slug)
    await api.platformSql`delete from platform.domain where host = ${host}`
    await expect.poll(() => storeAt(host)).toBe('421 misdirected')
  })

  it('and X-Merchant-Id must not contradict it', async () => {
    expect(await storeAt(first.host, { 'x-merchant-id': first.merchant.id })).toBe(first.merchant.slug)
    expect(await storeAt(first.host, { 'x-merchant-id': second.merchant.id })).toBe('400 merchant-mismatch')
    expect(await storeAt(first.host, { 'x-merchant-id': 'nonsense' })).toBe('400 merchant-mismatch')
  })
})

describe('at the host of the API, X-Merchant-Id decides', () => {
  it.each([
    ['a merchant', () => first.merchant.id, () => first.merchant.slug],
    ['nobody', () => '00000000-0000-7000-8000-000000000000', () => '421 misdirected'],
    ['an id in capitals', () => first.merchant.id.toUpperCase(), () => '400 invalid-id'],
    ['an id in braces', () => `{${first.merchant.id}}`, () => '400 invalid-id'],
    ['SQL', () => "' or 1=1", () => '400 invalid-id'],
  ])('when it names %s', async (_name, id, expected) => {
    expect(await storeAt('api.localhost', { 'x-merchant-id': id() })).toBe(expected())
  })

  it('and has to be there', async () => {
    expect(await storeAt('api.localhost')).toBe('400 merchant-missing')
  })

  it('and must agree with the credential', async () => {
    const me = (merchantId: string, token: string) =>
      api.call('api.localhost', { url: '/v1/admin/me', token, headers: { 'x-merchant-id': merchantId } })
    expect((await me(first.merchant.id, first.token)).body.merchant_id).toBe(first.merchant.id)
    expect(slugOf((await me(second.merchant.id, first.token)).body.type)).toBe('invalid-token')
  })
})

describe('a shop that is not open', () => {
  it('is closed to buyers and staff while suspended, and back at once', async () => {
    await api.platformSql`update platform.merchant set status = 'suspended' where id = ${second.merchant.id}`
    await expect.poll(() => storeAt(second.host)).toBe('403 merchant-suspended')
    expect(await storeAt('api.localhost', { 'x-merchant-id': second.merchant.id })).toBe('403 merchant-suspended')
    const staff = await api.call(second.host, { url: '/v1/admin/me', token: second.token })
    expect(slugOf(staff.body.type)).toBe('merchant-suspended')
    await api.platformSql`update platform.merchant set status = 'active' where id = ${second.merchant.id}`
    await expect.poll(() => storeAt(second.host)).toBe(second.merchant.slug)
  })

  it('is unknown while it is being set up', async () => {
    await api.platformSql`update platform.merchant set status = 'provisioning' where id = ${second.merchant.id}`
    await expect.poll(() => storeAt(second.host)).toBe('421 misdirected')
    await api.platformSql`update platform.merchant set status = 'active' where id = ${second.merchant.id}`
    await expect.poll(() => storeAt(second.host)).toBe(second.merchant.slug)
  })
})

describe('every route is at its own hosts', () => {
  it.each([
    ['a platform route at a shop', () => first.host, '/v1/merchants', 404],
    ['a shop route at the platform', () => 'platform.localhost', '/v1/store', 404],
    ['a staff route at the platform', () => 'platform.localhost', '/v1/admin/me', 404],
    ['a platform route at the API host', () => 'api.localhost', '/v1/merchants', 404],
    ['a platform route nowhere', () => 'nobody.localhost', '/v1/merchants', 421],
    ['an unknown path at a shop', () => first.host, '/v1/nonsense', 404],
    ['an unknown path nowhere', () => 'nobody.localhost', '/v1/nonsense', 421],
    ['health anywhere', () => 'nobody.localhost', '/healthz', 200],
    ['readiness anywhere', () => '127.0.0.1', '/readyz', 200],
  ])('%s', async (_name, host, url, status) => {
    expect((await api.call(host(), { url })).status).toBe(status)
  })

  it('the platform takes no merchant', async () => {
    const token = await api.adminToken()
    const answer = await api.call('platform.localhost', { url: '/v1/cells', token, headers: { 'x-merchant-id': first.merchant.id } })
    expect(slugOf(answer.body.type)).toBe('merchant-mismatch')
  })

  it('a method that a path does not have is named as such, with those it has', async () => {
    const put = await api.call(first.host, { method: 'PUT', url: '/v1/store' })
    expect(put.status).toBe(405)
    expect(put.headers.allow).toBe('GET, HEAD')
    expect((await api.call(first.host, { method: 'DELETE', url: '/v1/carts' })).headers.allow).toBe('POST')
    expect((await api.call('platform.localhost', { method: 'PUT', url: '/v1/store' })).status).toBe(404)
  })
})
