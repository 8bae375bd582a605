import type { StaffRole } from '@souk/core/merchant/scopes.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiMerchant, createTestApi, PASSWORD, type TestApi } from '../testing/api.ts'
import { staffOfRole } from '../testing/staff-of-role.ts'

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
let addresses = 0
const address = () => `member-${++addresses}@shop.example`
const NEW_PASSWORD = 'another password for tests'

const call = (token: string, method: 'GET' | 'POST' | 'PATCH', url: string, payload?: object) =>
  api.call(shop.host, { method, url, token, ...(payload && { payload }) })
const invite = (role: StaffRole, token = shop.token, email = address()) =>
  call(token, 'POST', '/v1/admin/staff', { email, name: 'Grace', role })
const change = (id: string, changes: object, token = shop.token) => call(token, 'PATCH', `/v1/admin/staff/${id}`, changes)
const reset = (id: string, token = shop.token) => call(token, 'POST', `/v1/admin/staff/${id}/password-reset`)
const signIn = (email: string, password: string) =>
  api.call(shop.host, { method: 'POST', url: '/v1/admin/sessions', payload: { email, password } })
const setPassword = (token: string, password = NEW_PASSWORD, host = shop.host) =>
  api.call(host, { method: 'POST', url: '/v1/admin/password', payload: { token, password } })
const me = (token: string) => api.call(shop.host, { url: '/v1/admin/me', token })
const later = (seconds: number) => {
  api.clock.now = new Date(api.clock.now.getTime() + seconds * 1000)
  for (const one of [shop, other]) one.token = api.tokens.issue({ merchantId: one.merchant.id }, one.owner.id, api.clock.now).access_token
}

describe('somebody who is invited', () => {
  it('cannot sign in before they have set a password, once, with the token', async () => {
    const email = address()
    const { status, body: member } = await invite('support', shop.token, email)
    expect(status).toBe(201)
    expect(member).toMatchObject({ email, role: 'support', has_password: false, disabled_at: null })
    expect(slugOf(await signIn(email, NEW_PASSWORD))).toBe('invalid-credentials')
    expect(slugOf(await setPassword(member.invitation.token, NEW_PASSWORD, other.host))).toBe('invalid-token')
    expect((await setPassword(member.invitation.token)).status).toBe(204)
    expect(slugOf(await setPassword(member.invitation.token, PASSWORD))).toBe('invalid-token')
    const { body: session } = await signIn(email, NEW_PASSWORD)
    expect((await me(session.access_token)).body).toMatchObject({ id: member.id, scopes: expect.arrayContaining(['refunds:write']) })
    expect((await call(shop.token, 'GET', `/v1/admin/staff/${member.id}`)).body).toMatchObject({ has_password: true })
  })

  it('sets one password when the token is used twice at once', async () => {
    const { body: member } = await invite('courier')
    const answers = await Promise.all([1, 2, 3].map((n) => setPassword(member.invitation.token, `${NEW_PASSWORD} ${n}`)))
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 401, 401])
  })

  it('finds the token void after a week, and when it was made up', async () => {
    const { body: member } = await invite('courier')
    const forged = member.invitation.token.slice(0, -2) + (member.invitation.token.endsWith('AA') ? 'BB' : 'AA')
    for (const token of [forged, '', 'staff_x']) expect(slugOf(await setPassword(token))).toBe('invalid-token')
    later(7 * 24 * 3_600 + 1)
    expect(slugOf(await setPassword(member.invitation.token))).toBe('invalid-token')
  })

  it('has an address of their own at this merchant, however many invite them at once', async () => {
    const email = address()
    const answers = await Promise.all([1, 2, 3, 4].map(() => invite('support', shop.token, email)))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409])
    expect(slugOf(await invite('support', shop.token, email.toUpperCase()))).toBe('duplicate')
    const elsewhere = {
      method: 'POST',
      url: '/v1/admin/staff',
      token: other.token,
      payload: { email, name: 'Grace', role: 'owner' },
    } as const
    expect((await api.call(other.host, elsewhere)).status).toBe(201)
  })
})

describe('another role', () => {
  it('is felt at once by tokens that are out', async () => {
    const member = await staffOfRole(api, shop, 'manager')
    expect((await call(member.token, 'GET', '/v1/admin/settings')).status).toBe(200)
    expect((await change(member.id, { role: 'courier' })).body).toMatchObject({ role: 'courier' })
    const refused = await call(member.token, 'GET', '/v1/admin/settings')
    expect([refused.status, slugOf(refused)]).toEqual([403, 'insufficient-scope'])
    expect((await change(member.id, { disabled: true, reason: 'left' })).body).toMatchObject({ disabled_at: api.clock.now.toISOString() })
    expect(slugOf(await me(member.token))).toBe('token-revoked')
    expect((await change(member.id, { disabled: false })).body).toMatchObject({ disabled_at: null })
    expect(slugOf(await me(member.token))).toBe('token-revoked')
  })

  it('is in the audit log with its reason, and an event without names', async () => {
    const member = await staffOfRole(api, shop, 'courier')
    await change(member.id, { role: 'warehouse', reason: 'promoted' })
    const audit = await call(shop.token, 'GET', `/v1/admin/audit?target_id=${member.id}`)
    expect(audit.body.data[0]).toMatchObject({
      action: 'staff.changed',
      before: { role: 'courier' },
      after: { role: 'warehouse' },
      reason: 'promoted',
      actor: { kind: 'staff', id: shop.owner.id },
    })
    const [event] = await shop.inMerchant.read(
      (tx) => tx.sql`select type, data from event where merchant_id = ${tx.merchantId} and aggregate_id = ${member.id}`,
    )
    expect(event).toEqual({ type: 'staff.changed', data: { role: 'warehouse', disabled: false } })
  })

  it('of nobody is given by those who may not do what it may', async () => {
    const manager = await staffOfRole(api, shop, 'manager')
    const support = await staffOfRole(api, shop, 'support')
    expect((await invite('support', manager.token)).status).toBe(201)
    expect((await invite('manager', manager.token)).status).toBe(201)
    const attempts = [
      invite('owner', manager.token),
      change(support.id, { role: 'owner' }, manager.token),
      change(manager.id, { role: 'owner' }, manager.token),
      change(shop.owner.id, { role: 'courier' }, manager.token),
      change(shop.owner.id, { name: 'Somebody' }, manager.token),
      change(shop.owner.id, { disabled: true }, manager.token),
      reset(shop.owner.id, manager.token),
      invite('courier', support.token),
    ]
    for (const answer of await Promise.all(attempts)) expect(slugOf(answer)).toBe('insufficient-scope')
    expect((await change(support.id, { role: 'warehouse' }, manager.token)).status).toBe(200)
  })

  it('is not given by an API key that may do less', async () => {
    const make = (scopes: string[]) => call(shop.token, 'POST', '/v1/admin/api-keys', { name: 'Staff', scopes })
    const { body: key } = await make(['staff:write', 'deliveries:write'])
    expect((await invite('courier', key.secret)).status).toBe(201)
    expect(slugOf(await invite('warehouse', key.secret))).toBe('insufficient-scope')
    expect(slugOf(await call(key.secret, 'POST', '/v1/admin/me/password', { current_password: PASSWORD, password: NEW_PASSWORD }))).toBe(
      'invalid-state',
    )
  })
})

describe('the last owner', () => {
  it('stays, whatever two owners do to each other at once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const alone = await api.addMerchant()
      const { body: second } = await api.call(alone.host, {
        method: 'POST',
        url: '/v1/admin/staff',
        token: alone.token,
        payload: { email: 'second@shop.example', name: 'Second', role: 'owner' },
      })
      const ask = (token: string, id: string, payload: object) =>
        api.call(alone.host, { method: 'PATCH', url: `/v1/admin/staff/${id}`, token, payload })
      // One without a password is no owner who could sign in.
      expect(slugOf(await ask(alone.token, alone.owner.id, { disabled: true }))).toBe('invalid-state')
      await setPassword(second.invitation.token, NEW_PASSWORD, alone.host)
      const secondToken = api.tokens.issue({ merchantId: alone.merchant.id }, second.id, api.clock.now).access_token
      const answers = await Promise.all([
        ask(alone.token, second.id, { role: 'courier' }),
        ask(secondToken, alone.owner.id, { disabled: true }),
        ask(alone.token, alone.owner.id, { role: 'support' }),
        api.call(alone.host, { method: 'POST', url: `/v1/admin/staff/${alone.owner.id}/password-reset`, token: secondToken }),
      ])
      expect(answers.filter(({ status }) => status < 300).length).toBeGreaterThan(0)
      for (const answer of answers) if (answer.status >= 300) expect(['invalid-state', 'insufficient-scope']).toContain(slugOf(answer))
      const owners = await alone.inMerchant.read(
        (tx) => tx.sql`
          select id from staff where merchant_id = ${tx.merchantId} and role = 'owner' and disabled_at is null and password_hash is not null`,
      )
      expect(owners).toHaveLength(1)
    }
  })
})

describe('a password', () => {
  it('that was reset is void with its sessions, until another is set', async () => {
    const { body: member } = await invite('warehouse')
    await setPassword(member.invitation.token, PASSWORD)
    const { body: session } = await signIn(member.email, PASSWORD)
    const answer = await reset(member.id)
    expect(answer.status).toBe(201)
    expect(slugOf(await me(session.access_token))).toBe('token-revoked')
    expect(slugOf(await signIn(member.email, PASSWORD))).toBe('invalid-credentials')
    expect((await setPassword(answer.body.token)).status).toBe(204)
    const { body: again } = await signIn(member.email, NEW_PASSWORD)
    expect((await me(again.access_token)).status).toBe(200)
  })

  it('is changed by whoever knows it, and the sessions of before end', async () => {
    const { body: member } = await invite('warehouse')
    await setPassword(member.invitation.token, PASSWORD)
    const { body: session } = await signIn(member.email, PASSWORD)
    const ask = (current_password: string, password: string) =>
      call(session.access_token, 'POST', '/v1/admin/me/password', { current_password, password })
    expect(slugOf(await ask(NEW_PASSWORD, NEW_PASSWORD))).toBe('invalid-credentials')
    expect((await ask(PASSWORD, NEW_PASSWORD)).status).toBe(204)
    expect(slugOf(await me(session.access_token))).toBe('token-revoked')
    const { body: again } = await signIn(member.email, NEW_PASSWORD)
    expect((await me(again.access_token)).status).toBe(200)
  })

  it('is long enough', async () => {
    const { body: member } = await invite('warehouse')
    const answer = await setPassword(member.invitation.token, 'short')
    expect(answer.status).toBe(400)
    expect(answer.body.errors[0].pointer).toBe('/password')
  })
})

describe('the list', () => {
  it('has everybody, page by page, and no secret', async () => {
    const all = await call(shop.token, 'GET', '/v1/admin/staff?limit=100')
    expect(all.text).not.toMatch(/scrypt|staff_[0-9a-f]/)
    const seen: string[] = []
    for (let cursor = ''; ; ) {
      const page = await call(shop.token, 'GET', `/v1/admin/staff?limit=5${cursor}`)
      seen.push(...page.body.data.map(({ id }: { id: string }) => id))
      if (page.body.next_cursor === null) break
      cursor = `&cursor=${encodeURIComponent(page.body.next_cursor)}`
    }
    expect(seen).toEqual(all.body.data.map(({ id }: { id: string }) => id))
    expect(seen).toContain(shop.owner.id)
  })
})
