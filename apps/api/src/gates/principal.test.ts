import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiMerchant, createTestApi, PASSWORD, type TestApi } from '../testing/api.ts'

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
const later = (seconds: number) => {
  api.clock.now = new Date(api.clock.now.getTime() + seconds * 1000)
}

function makeKey(scopes: string[], more: Record<string, unknown> = {}, token = shop.token) {
  return api.call(shop.host, { method: 'POST', url: '/v1/admin/api-keys', token, payload: { name: 'Key', scopes, ...more } })
}
const me = (token: string, host = shop.host) => api.call(host, { url: '/v1/admin/me', token })
const fresh = () => api.tokens.issue({ merchantId: shop.merchant.id }, shop.owner.id, api.clock.now).access_token

describe('an API key', () => {
  it('is shown once, kept as a hash, and good for its scopes alone', async () => {
    const made = await makeKey(['orders:read'])
    expect(made.status).toBe(201)
    expect(made.body.secret).toMatch(/^souk_[0-9a-f]{32}_[A-Za-z0-9_-]{43}$/)
    expect((await me(made.body.secret)).body).toMatchObject({ kind: 'api_key', id: made.body.id, scopes: ['orders:read'] })
    expect((await api.call(shop.host, { url: '/v1/admin/orders', token: made.body.secret })).status).toBe(200)
    const refused = await api.call(shop.host, { url: '/v1/admin/settings', token: made.body.secret })
    expect(refused.status).toBe(403)
    expect(refused.body).toMatchObject({ missing_scopes: ['settings:read'] })

    const listed = await api.call(shop.host, { url: '/v1/admin/api-keys', token: shop.token })
    expect(listed.text).not.toContain(made.body.secret.slice(-43))
    const stored = await shop.inMerchant.read((tx) => tx.sql`select secret_hash from api_key where merchant_id = ${tx.merchantId}`)
    expect(JSON.stringify(stored)).not.toContain(made.body.secret.slice(-43))
  })

  it('is of no use once revoked, and revoking it twice changes nothing', async () => {
    const { body: key } = await makeKey(['orders:read'])
    expect((await me(key.secret)).status).toBe(200)
    const revoke = () => api.call(shop.host, { method: 'DELETE', url: `/v1/admin/api-keys/${key.id}`, token: shop.token })
    expect((await revoke()).status).toBe(204)
    expect(slugOf(await me(key.secret))).toBe('invalid-api-key')
    expect((await revoke()).status).toBe(204)
    const events = await api.call(shop.host, { url: '/v1/admin/events', token: shop.token })
    expect(
      events.body.data
        .filter((event: { aggregate_id: string }) => event.aggregate_id === key.id)
        .map((event: { type: string }) => event.type),
    ).toEqual(['api_key.created', 'api_key.revoked'])
  })

  it('is of no use once expired', async () => {
    const { body: key } = await makeKey(['orders:read'], { expires_at: new Date(api.clock.now.getTime() + 60_000).toISOString() })
    expect((await me(key.secret)).status).toBe(200)
    later(61)
    expect(slugOf(await me(key.secret))).toBe('invalid-api-key')
  })

  it('is of no use at another merchant, or with another secret', async () => {
    const { body: key } = await makeKey(['orders:read'])
    expect(slugOf(await me(key.secret, other.host))).toBe('invalid-api-key')
    const forged = key.secret.slice(0, -1) + (key.secret.endsWith('A') ? 'B' : 'A')
    expect(slugOf(await me(forged))).toBe('invalid-api-key')
    for (const nonsense of ['souk_', 'souk_x', `souk_${'0'.repeat(32)}_${'A'.repeat(43)}`])
      expect(slugOf(await me(nonsense))).toBe('invalid-api-key')
  })

  it('cannot make a key that can do more than itself', async () => {
    const { body: weak } = await makeKey(['keys:write', 'orders:read'])
    const refused = await makeKey(['orders:read', 'settings:write'], {}, weak.secret)
    expect(refused.status).toBe(403)
    expect(refused.body.missing_scopes).toEqual(['settings:write'])
    const granted = await makeKey(['orders:read'], {}, weak.secret)
    expect(granted.body).toMatchObject({ created_by: null })
  })

  it("is not found by another merchant's staff", async () => {
    const { body: key } = await makeKey(['orders:read'])
    const answer = await api.call(other.host, { method: 'DELETE', url: `/v1/admin/api-keys/${key.id}`, token: other.token })
    expect(slugOf(answer)).toBe('not-found')
    expect((await me(key.secret)).status).toBe(200)
  })

  it('is listed page by page, the newest first', async () => {
    const all = await api.call(shop.host, { url: '/v1/admin/api-keys?limit=100', token: fresh() })
    const ids = all.body.data.map((key: { id: string }) => key.id)
    const seen: string[] = []
    for (let cursor = ''; ; ) {
      const page = await api.call(shop.host, { url: `/v1/admin/api-keys?limit=2${cursor}`, token: fresh() })
      seen.push(...page.body.data.map((key: { id: string }) => key.id))
      if (page.body.next_cursor === null) break
      cursor = `&cursor=${encodeURIComponent(page.body.next_cursor)}`
    }
    expect(seen).toEqual(ids)
  })
})

describe('an answer for one caller alone', () => {
  it('is kept by no cache', async () => {
    expect((await me(shop.token)).headers['cache-control']).toBe('no-store')
    const session = await api.call(shop.host, { method: 'POST', url: '/v1/carts', payload: {} })
    expect(session.headers['cache-control']).toBe('no-store')
  })
})

describe('a member of staff', () => {
  it('is asked for credentials where they are missing or of another kind', async () => {
    const bare = await api.call(shop.host, { url: '/v1/admin/me' })
    expect(bare.status).toBe(401)
    expect(bare.headers['www-authenticate']).toBe('Bearer')
    expect(slugOf(bare)).toBe('credentials-missing')
    const basic = await api.call(shop.host, { url: '/v1/admin/me', headers: { authorization: 'Basic b3duZXI6cGFzc3dvcmQ=' } })
    expect(slugOf(basic)).toBe('invalid-token')
  })

  it('loses its tokens when they are revoked, within seconds', async () => {
    const token = fresh()
    expect((await me(token)).status).toBe(200)
    later(2)
    await shop.inMerchant((tx) => tx.sql`update staff set tokens_valid_after = ${api.clock.now} where merchant_id = ${tx.merchantId}`)
    later(20)
    expect(slugOf(await me(token))).toBe('token-revoked')
    expect((await me(fresh())).status).toBe(200)
  })

  it('has no tokens that work once disabled, and cannot sign in', async () => {
    const shut = await api.addMerchant()
    const { access_token: token } = api.tokens.issue({ merchantId: shut.merchant.id }, shut.owner.id, api.clock.now)
    expect((await me(token, shut.host)).status).toBe(200)
    await shut.inMerchant((tx) => tx.sql`update staff set disabled_at = now() where merchant_id = ${tx.merchantId}`)
    later(20)
    expect(slugOf(await me(token, shut.host))).toBe('token-revoked')
    const payload = { email: shut.owner.email, password: PASSWORD }
    expect(slugOf(await api.call(shut.host, { method: 'POST', url: '/v1/admin/sessions', payload }))).toBe('invalid-credentials')
  })

  it('a token for nobody is revoked, too', async () => {
    const { access_token: token } = api.tokens.issue(
      { merchantId: shop.merchant.id },
      '00000000-0000-7000-8000-000000000000',
      api.clock.now,
    )
    expect(slugOf(await me(token))).toBe('token-revoked')
  })
})

describe('signing in', () => {
  const signIn = (email: string, password: string, host = shop.host) =>
    api.call(host, { method: 'POST', url: '/v1/admin/sessions', payload: { email, password } })

  it('gives a token for ten minutes, in any spelling of the address', async () => {
    const session = await signIn(shop.owner.email.toUpperCase(), PASSWORD)
    expect(session.body).toMatchObject({ token_type: 'Bearer', expires_in: 600 })
    expect((await me(session.body.access_token)).status).toBe(200)
  })

  it('is refused alike for a wrong password, an unknown address and another merchant', async () => {
    const answers = await Promise.all([
      signIn(shop.owner.email, 'not the password'),
      signIn('nobody@shop.example', PASSWORD),
      signIn(shop.owner.email, PASSWORD, other.host),
    ])
    expect(new Set(answers.map((answer) => answer.text)).size).toBe(1)
    expect(answers[0]!.status).toBe(401)
  })

  it('takes as long for an unknown address as for a wrong password', async () => {
    const clock = async (email: string) => {
      const took: number[] = []
      for (let attempt = 0; attempt < 3; attempt++) {
        const started = performance.now()
        await signIn(email, 'not the password')
        took.push(performance.now() - started)
      }
      // The quickest: the machine may have had other things to do.
      return Math.min(...took)
    }
    later(3_600)
    const unknown = await clock('nobody-at-all@shop.example')
    // Hashing takes tens of milliseconds; a look-up alone would take one or two.
    expect(unknown).toBeGreaterThan((await clock(shop.owner.email)) / 4)
  })

  it('is bounded per account, says when to try again, and then lets one through', async () => {
    later(3_600)
    const email = 'guessed@shop.example'
    for (let attempt = 0; attempt < 10; attempt += 1) expect((await signIn(email, 'a wrong guess')).status).toBe(401)
    const refused = await signIn(email, 'a wrong guess')
    expect(slugOf(refused)).toBe('quota-exceeded')
    const wait = Number(refused.headers['retry-after'])
    expect(wait).toBeGreaterThan(0)
    expect((await signIn(shop.owner.email, PASSWORD)).status).toBe(200)
    later(wait)
    expect((await signIn(email, 'a wrong guess')).status).toBe(401)
    expect((await signIn(email, 'a wrong guess')).status).toBe(429)
  })

  it('is bounded per address, whatever a proxy header says', async () => {
    later(36_000)
    const guess = (n: number) =>
      api.call(shop.host, {
        method: 'POST',
        url: '/v1/admin/sessions',
        payload: { email: `guess-${n}@shop.example`, password: 'a wrong guess' },
        headers: { 'x-forwarded-for': `10.0.0.${n}` },
      })
    const statuses: number[] = []
    // A few at a time: hashing fifty passwords at once takes a busy machine longer than a request may last.
    for (let n = 0; n < 60; n += 4) {
      const answers = await Promise.all([n, n + 1, n + 2, n + 3].map(guess))
      statuses.push(...answers.map(({ status }) => status))
    }
    expect(statuses.filter((status) => status === 401)).toHaveLength(50)
    expect(statuses.filter((status) => status === 429)).toHaveLength(10)
    later(3_600)
  })
})
