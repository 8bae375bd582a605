import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApi, PASSWORD, type TestApi } from '../testing/api.ts'

const PLATFORM = 'platform.localhost'
const OTHER = 'another password'
const DAY_MS = 86_400_000

let api: TestApi
let owner: string
let ownerId: string

beforeAll(async () => {
  api = await createTestApi()
  owner = await api.adminToken()
  ownerId = (await call('GET', '/v1/me')).body.id
})
afterAll(() => api.close())

type Method = 'GET' | 'POST' | 'PATCH'
const call = (method: Method, url: string, payload?: object, token: string | null = owner) =>
  api.call(PLATFORM, { method, url, ...(payload && { payload }), ...(token && { token }) })
const slugOf = (answer: { body: { type: string } }) => answer.body.type.split('/').at(-1)
const signIn = (email: string, password = PASSWORD) => call('POST', '/v1/sessions', { email, password }, null)
const setPassword = (token: string, password = PASSWORD) => call('POST', '/v1/password', { token, password }, null)

/** An admin with a password, who has signed in. */
async function admin(name: string, role: string): Promise<{ id: string; email: string; token: string }> {
  const email = `${name}@souk.example`
  const { body } = await call('POST', '/v1/admins', { email, role })
  expect((await setPassword(body.invitation.token)).status).toBe(204)
  return { id: body.id, email, token: (await signIn(email)).body.access_token }
}

const logOf = async (id: string) =>
  (await api.platformSql`select admin_id, action, data from platform.audit where data ->> 'admin' = ${id} order by sequence`).map(
    ({ admin_id: by, action, data }) => ({ by, action, data }),
  )

describe('an invitation', () => {
  it('lets somebody set a password once, sign in, and be told what they may do', async () => {
    const made = await call('POST', '/v1/admins', { email: 'Ada@Souk.example', role: 'operator' })
    expect([made.status, made.body]).toMatchObject([201, { email: 'ada@souk.example', role: 'operator', has_password: false }])
    expect((await signIn('ada@souk.example')).status).toBe(401)
    const { token } = made.body.invitation
    expect((await setPassword(token)).status).toBe(204)
    expect(slugOf(await setPassword(token, OTHER))).toBe('invalid-token')
    const { access_token: access } = (await signIn('ada@souk.example')).body
    const me = (await call('GET', '/v1/me', undefined, access)).body
    expect(me).toMatchObject({ id: made.body.id, role: 'operator', has_password: true })
    expect(me.scopes).toContain('moves:write')
    expect(me.scopes).not.toContain('data:read')
    expect(slugOf(await call('POST', '/v1/admins', { email: 'eve@souk.example', role: 'viewer' }, access))).toBe('insufficient-scope')
    expect(await logOf(me.id)).toEqual([
      { by: ownerId, action: 'admin.invite', data: { admin: me.id, role: 'operator' } },
      { by: me.id, action: 'admin.password_set', data: { admin: me.id } },
    ])
  })

  it('is refused for an address that is taken, and void after seven days', async () => {
    const payload = { email: 'late@souk.example', role: 'viewer' }
    const { body } = await call('POST', '/v1/admins', payload)
    expect(slugOf(await call('POST', '/v1/admins', payload))).toBe('duplicate')
    const { now } = api.clock
    api.clock.now = new Date(now.getTime() + 8 * DAY_MS)
    expect(slugOf(await setPassword(body.invitation.token))).toBe('invalid-token')
    api.clock.now = now
  })

  it('tried only, is no invitation', async () => {
    const tried = await call('POST', '/v1/admins', { email: 'tried@souk.example', role: 'viewer', dry_run: true })
    expect([tried.status, tried.body.invitation.token]).toEqual([200, null])
    expect((await call('GET', '/v1/admins')).body.data.map(({ email }: { email: string }) => email)).not.toContain('tried@souk.example')
    expect(await logOf(tried.body.id)).toEqual([])
  })
})

describe('an admin', () => {
  it('is given another role, which holds at once', async () => {
    const { id, token } = await admin('climber', 'viewer')
    const drain = () => call('PATCH', '/v1/cells/nowhere', { status: 'draining', dry_run: true }, token)
    expect((await drain()).status).toBe(403)
    expect((await call('PATCH', `/v1/admins/${id}`, { role: 'operator', dry_run: true })).body.role).toBe('operator')
    expect((await drain()).status).toBe(403)
    await call('PATCH', `/v1/admins/${id}`, { role: 'operator' })
    await call('PATCH', `/v1/admins/${id}`, { role: 'operator' })
    expect((await drain()).status).toBe(404)
    expect((await logOf(id)).slice(2)).toEqual([
      {
        by: ownerId,
        action: 'admin.change',
        data: { admin: id, from: { role: 'viewer', disabled: false }, to: { role: 'operator', disabled: false } },
      },
    ])
  })

  it('who is turned away has void tokens and cannot sign in, until they are let in again', async () => {
    const { id, email, token } = await admin('leaver', 'viewer')
    expect((await call('PATCH', `/v1/admins/${id}`, { disabled: true })).body.disabled_at).not.toBeNull()
    expect(slugOf(await call('GET', '/v1/cells', undefined, token))).toBe('token-revoked')
    expect((await signIn(email)).status).toBe(401)
    await call('PATCH', `/v1/admins/${id}`, { disabled: false })
    expect((await signIn(email)).status).toBe(200)
    expect(slugOf(await call('GET', '/v1/cells', undefined, token))).toBe('token-revoked')
  })

  it('changes their own password, whose reset voids it', async () => {
    const { id, email, token } = await admin('changer', 'viewer')
    const change = (current: string) => call('POST', '/v1/me/password', { current_password: current, password: OTHER }, token)
    expect(slugOf(await change('a wrong password'))).toBe('invalid-credentials')
    expect((await change(PASSWORD)).status).toBe(204)
    expect(slugOf(await call('GET', '/v1/me', undefined, token))).toBe('token-revoked')
    expect([(await signIn(email)).status, (await signIn(email, OTHER)).status]).toEqual([401, 200])
    expect((await call('POST', `/v1/admins/${id}/password-reset`, { dry_run: true })).body.token).toBeNull()
    expect((await signIn(email, OTHER)).status).toBe(200)
    const reset = await call('POST', `/v1/admins/${id}/password-reset`, {})
    expect([reset.status, (await signIn(email, OTHER)).status]).toEqual([201, 401])
    expect([(await setPassword(reset.body.token)).status, (await signIn(email)).status]).toEqual([204, 200])
    expect((await logOf(id)).map(({ action }) => action).slice(2)).toEqual([
      'admin.password_set',
      'admin.password_reset',
      'admin.password_set',
    ])
  })

  it('is not found by an id that nobody has', async () => {
    const id = '00000000-0000-7000-8000-000000000000'
    for (const answer of [await call('GET', `/v1/admins/${id}`), await call('PATCH', `/v1/admins/${id}`, { role: 'viewer' })]) {
      expect(slugOf(answer)).toBe('not-found')
    }
  })
})

describe('the last owner', () => {
  it('stays, whoever asks for what', async () => {
    const url = `/v1/admins/${ownerId}`
    for (const change of [{ role: 'viewer' }, { disabled: true }]) expect(slugOf(await call('PATCH', url, change))).toBe('invalid-state')
    expect(slugOf(await call('POST', `${url}/password-reset`, {}))).toBe('invalid-state')
    // One who has not set a password yet is no owner who could sign in.
    await call('POST', '/v1/admins', { email: 'heir@souk.example', role: 'owner' })
    expect(slugOf(await call('PATCH', url, { role: 'viewer' }))).toBe('invalid-state')
  })

  it('is one of two who demote each other at the same moment', async () => {
    const second = await admin('second', 'owner')
    for (let round = 0; round < 5; round += 1) {
      const answers = await Promise.all([
        call('PATCH', `/v1/admins/${second.id}`, { role: 'viewer' }),
        call('PATCH', `/v1/admins/${ownerId}`, { role: 'viewer' }, second.token),
      ])
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 403])
      const [left] = await api.platformSql`select count(*)::int as n from platform.admin where role = 'owner' and password_hash is not null`
      expect(left!.n).toBe(1)
      const winner = answers[0]!.status === 200 ? owner : second.token
      for (const id of [ownerId, second.id]) await call('PATCH', `/v1/admins/${id}`, { role: 'owner' }, winner)
    }
  })
})
