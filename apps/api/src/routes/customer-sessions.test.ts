import { customerToken } from '@souk/core/customers/customer-token.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { PROBLEM_TYPE_BASE } from '../problems.ts'
import { type ApiMerchant, createTestApi, PASSWORD, type TestApi } from '../testing/api.ts'
import { deliverMails, tokenIn } from '../testing/mailbox.ts'
import { ACCESS_TOKEN_TTL_S } from '../tokens.ts'

let api: TestApi
let shop: ApiMerchant
let other: ApiMerchant

beforeAll(async () => {
  api = await createTestApi()
  other = await api.addMerchant()
})
beforeEach(async () => {
  // A shop, and a moment, of its own for each test: nothing is left of the limits.
  api.clock.now = new Date(api.clock.now.getTime() + 3_600_000)
  shop = await api.addMerchant()
})
afterAll(() => api.close())

let made = 0
const newEmail = () => `buyer-${++made}@buyer.example`
const post = (url: string, payload: object, token?: string, at = shop) =>
  api.call(at.host, { method: 'POST', url, payload, ...(token !== undefined && { token }) })
const get = (url: string, token?: string, at = shop) => api.call(at.host, { url, ...(token !== undefined && { token }) })
const mails = (at = shop) => deliverMails(at, api.shop.keys, api.clock.now)
const signIn = (email: string, password = PASSWORD, at = shop) => post('/v1/customers/sessions', { email, password }, undefined, at)

async function signUp(email = newEmail(), at = shop) {
  await post('/v1/customers', { email, password: PASSWORD, name: 'Ada' }, undefined, at)
  const [mail] = await mails(at)
  const answer = await post('/v1/customers/verifications', { token: tokenIn(mail!), password: PASSWORD }, undefined, at)
  expect(answer.status).toBe(200)
  return { email, ...(answer.body as { access_token: string; refresh_token: string; customer_id: string; session_id: string }) }
}

describe('signing up', () => {
  it('makes an account once the address is confirmed with the mailed token and the password', async () => {
    const email = newEmail()
    expect(await post('/v1/customers', { email, password: PASSWORD, name: 'Ada', locale: 'de' })).toMatchObject({
      status: 202,
      body: { status: 'accepted' },
    })
    expect((await signIn(email)).status).toBe(401)
    const [mail] = await mails()
    expect(mail).toMatchObject({ to: email, subject: expect.stringContaining('Confirm') })
    const token = tokenIn(mail!)
    const wrong = await post('/v1/customers/verifications', { token, password: 'another password' })
    expect(wrong).toMatchObject({ status: 401, body: { type: `${PROBLEM_TYPE_BASE}invalid-credentials` } })
    const done = await post('/v1/customers/verifications', { token, password: PASSWORD, device: 'Laptop' })
    expect(done).toMatchObject({ status: 200, body: { expires_in: ACCESS_TOKEN_TTL_S } })
    expect((await get('/v1/customers/me', done.body.access_token)).body).toMatchObject({ email, name: 'Ada', locale: 'de' })
    expect((await post('/v1/customers/verifications', { token, password: PASSWORD })).status).toBe(422)
    expect((await signIn(email)).status).toBe(200)
  })

  it('answers alike whether the address is known or not; its owner is told by mail', async () => {
    const { email } = await signUp()
    const known = await post('/v1/customers', { email, password: 'a password of somebody else', name: 'Eve' })
    const unknown = await post('/v1/customers', { email: newEmail(), password: PASSWORD, name: 'Eve' })
    expect([known.status, known.text]).toEqual([unknown.status, unknown.text])
    const told = await mails()
    expect(told.find((mail) => mail.to === email)!.subject).toContain('You have an account')
    expect(told.find((mail) => mail.to === email)!.text).not.toContain('token=')
    expect((await signIn(email, 'a password of somebody else')).status).toBe(401)
    expect((await signIn(email)).status).toBe(200)
  })

  it('mails one address so often and no more, and says the same each time', async () => {
    const email = newEmail()
    const answers = []
    for (let n = 0; n < 5; n++) answers.push((await post('/v1/customers', { email, password: PASSWORD })).status)
    expect(answers).toEqual([202, 202, 202, 202, 202])
    expect(await mails()).toHaveLength(3)
  })

  it('bounds how often one client asks for one address', async () => {
    const email = newEmail()
    const statuses = []
    for (let n = 0; n < 11; n++) statuses.push((await post('/v1/customers/password-resets', { email })).status)
    expect(statuses.at(-1)).toBe(429)
  })

  it('lets two shops have two people of one address', async () => {
    const mine = await signUp()
    const theirs = await signUp(mine.email, other)
    expect(theirs.customer_id).not.toBe(mine.customer_id)
    expect((await get('/v1/customers/me', theirs.access_token)).status).toBe(401)
    const refreshed = await post('/v1/customers/sessions/refresh', { refresh_token: theirs.refresh_token })
    expect(refreshed).toMatchObject({ status: 401, body: { type: `${PROBLEM_TYPE_BASE}invalid-token` } })
  })

  it('is confirmed once, however many registrations there were', async () => {
    const email = newEmail()
    await post('/v1/customers', { email, password: PASSWORD })
    await post('/v1/customers', { email, password: PASSWORD })
    const tokens = (await mails()).map(tokenIn)
    const confirm = (token: string) => post('/v1/customers/verifications', { token, password: PASSWORD })
    const statuses = (await Promise.all([...tokens, ...tokens].map(confirm))).map(({ status }) => status)
    expect(statuses.toSorted()).toEqual([200, 422, 422, 422])
  })

  it('refuses tokens of other shops, edited ones and those past their time', async () => {
    await post('/v1/customers', { email: newEmail(), password: PASSWORD })
    const token = tokenIn((await mails())[0]!)
    const at = (place: ApiMerchant, sent: string) =>
      post('/v1/customers/verifications', { token: sent, password: PASSWORD }, undefined, place)
    const invalid = { status: 422, body: { type: `${PROBLEM_TYPE_BASE}mail-token-invalid`, errors: [{ pointer: '/token' }] } }
    expect(await at(other, token)).toMatchObject(invalid)
    expect(await at(shop, `A${token.slice(1)}`)).toMatchObject(invalid)
    expect(await post('/v1/customers/password-resets/complete', { token, new_password: PASSWORD })).toMatchObject(invalid)
    api.clock.now = new Date(api.clock.now.getTime() + 25 * 3_600_000)
    expect(await at(shop, token)).toMatchObject(invalid)
  })
})

describe('a session', () => {
  it('goes on by refresh tokens that are good once; one used again ends it for both', async () => {
    const { refresh_token: first, access_token: access } = await signUp()
    const refresh = (token: string) => post('/v1/customers/sessions/refresh', { refresh_token: token })
    const second = (await refresh(first)).body.refresh_token as string
    const third = (await refresh(second)).body.refresh_token as string
    expect(await refresh(second)).toMatchObject({ status: 401, body: { type: `${PROBLEM_TYPE_BASE}token-revoked` } })
    expect((await refresh(third)).status).toBe(401)
    api.clock.now = new Date(api.clock.now.getTime() + 11_000)
    expect(await get('/v1/customers/me', access)).toMatchObject({ status: 401, body: { type: `${PROBLEM_TYPE_BASE}token-revoked` } })
  })

  it('has one winner among many refreshes at once, and then ends', async () => {
    const { refresh_token } = await signUp()
    const refresh = (token: string) => post('/v1/customers/sessions/refresh', { refresh_token: token })
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(refresh_token)))
    const won = answers.filter(({ status }) => status === 200)
    expect(won).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(19)
    expect((await refresh(won[0]!.body.refresh_token)).status).toBe(401)
  })

  it('ends when it is idle for too long', async () => {
    const { refresh_token } = await signUp()
    api.clock.now = new Date(api.clock.now.getTime() + 31 * 86_400_000)
    expect((await post('/v1/customers/sessions/refresh', { refresh_token })).status).toBe(401)
  })

  it('is listed, and ends by itself or with all others', async () => {
    const { email, access_token } = await signUp()
    const phone = (await signIn(email)).body
    const listed = (await get('/v1/customers/me/sessions', access_token)).body.data
    expect(listed).toHaveLength(2)
    expect(listed.filter((session: { is_current: boolean }) => session.is_current)).toHaveLength(1)
    const end = (url: string) => api.call(shop.host, { method: 'DELETE', url, token: access_token })
    expect((await end(`/v1/customers/me/sessions/${phone.session_id}`)).status).toBe(204)
    expect((await end(`/v1/customers/me/sessions/${phone.session_id}`)).status).toBe(404)
    expect((await get('/v1/customers/me', phone.access_token)).status).toBe(401)
    expect((await end('/v1/customers/me/sessions')).status).toBe(204)
    expect((await get('/v1/customers/me', access_token)).status).toBe(401)
  })

  it('and the tokens of staff open nothing of each other', async () => {
    const { access_token, refresh_token, customer_id, session_id } = await signUp()
    expect(await get('/v1/admin/me', access_token)).toMatchObject({ status: 401, body: { type: `${PROBLEM_TYPE_BASE}invalid-token` } })
    expect((await get('/v1/customers/me', shop.token)).status).toBe(401)
    // A token of the right session without its name, or one of staff's that has it.
    const { issue } = { issue: api.tokens.issue.bind(api.tokens) }
    const withoutSession = issue({ customersOf: shop.merchant.id }, customer_id, api.clock.now).access_token
    const ofStaff = issue({ merchantId: shop.merchant.id }, customer_id, api.clock.now, session_id).access_token
    for (const token of [withoutSession, ofStaff]) expect((await get('/v1/customers/me', token)).status).toBe(401)
    const anothers = issue({ customersOf: shop.merchant.id }, shop.owner.id, api.clock.now, session_id).access_token
    expect((await get('/v1/customers/me', anothers)).status).toBe(401)
    expect((await get('/v1/customers/me')).status).toBe(401)
    expect((await get('/v1/customers/me', refresh_token)).body.type).toMatch(/invalid-token$/)
    expect((await post('/v1/customers/sessions/refresh', { refresh_token: access_token })).body.type).toMatch(/invalid-token$/)
  })

  it('makes carts the customer`s, and leaves the word of the storefront above it', async () => {
    const { access_token, customer_id } = await signUp()
    const cart = (await post('/v1/carts', {}, access_token)).body
    expect(cart.customer_id).toBe(customer_id)
    expect((await post('/v1/carts', {})).body.customer_id).toBeNull()
    expect((await post('/v1/carts', { customer_token: null }, access_token)).body.customer_id).toBeNull()
    const { customer_id: second } = await signUp()
    const expiresAt = new Date(api.clock.now.getTime() + 60_000)
    const named = customerToken(api.shop.keys, shop.merchant.id, { customerId: second, expiresAt })
    expect((await post('/v1/carts', { customer_token: named }, access_token)).body.customer_id).toBe(second)
    expect((await post('/v1/carts', {}, 'nonsense')).status).toBe(401)
  })
})

describe('a password', () => {
  it('is set anew with a mailed token: all sessions end, and no other token is good', async () => {
    const { email, refresh_token } = await signUp()
    for (let n = 0; n < 2; n++) await post('/v1/customers/password-resets', { email })
    const [first, second] = (await mails()).map(tokenIn)
    const reset = (token: string) => post('/v1/customers/password-resets/complete', { token, new_password: 'the new password' })
    expect((await reset(second!)).status).toBe(204)
    expect((await reset(first!)).status).toBe(422)
    expect((await post('/v1/customers/sessions/refresh', { refresh_token })).status).toBe(401)
    expect((await signIn(email)).status).toBe(401)
    expect((await signIn(email, 'the new password')).status).toBe(200)
  })

  it('of nobody is asked for with the same answer, and nothing is mailed', async () => {
    const { email } = await signUp()
    const known = await post('/v1/customers/password-resets', { email })
    const unknown = await post('/v1/customers/password-resets', { email: newEmail() })
    expect([known.status, known.text]).toEqual([unknown.status, unknown.text])
    expect((await mails()).map(({ to }) => to)).toEqual([email])
  })

  it('gives the customer that staff wrote down an account', async () => {
    const email = newEmail()
    await post('/v1/admin/customers', { email, name: 'Grace' }, shop.token)
    await post('/v1/customers/password-resets', { email })
    const token = tokenIn((await mails())[0]!)
    expect((await post('/v1/customers/password-resets/complete', { token, new_password: PASSWORD })).status).toBe(204)
    expect((await signIn(email)).status).toBe(200)
  })

  it('is changed by who knows it; other sessions end', async () => {
    const { email, access_token } = await signUp()
    const phone = (await signIn(email)).body
    const change = (password: string) => post('/v1/customers/me/password', { password, new_password: 'the new password' }, access_token)
    expect((await change('a wrong password')).status).toBe(401)
    expect((await change(PASSWORD)).status).toBe(204)
    expect((await post('/v1/customers/sessions/refresh', { refresh_token: phone.refresh_token })).status).toBe(401)
    expect((await get('/v1/customers/me', access_token)).status).toBe(200)
  })

  it('cannot be guessed without end', async () => {
    const { email } = await signUp()
    const statuses = []
    for (let n = 0; n < 12; n++) statuses.push((await signIn(email, 'a wrong password')).status)
    expect(statuses.at(-1)).toBe(429)
    expect((await signIn(newEmail(), 'a wrong password')).status).toBe(401)
  })
})

describe('an address', () => {
  it('changes once its mailbox was read, and the old one is told', async () => {
    const { email, access_token } = await signUp()
    const wanted = newEmail()
    expect((await post('/v1/customers/me/email', { password: PASSWORD, email: wanted }, access_token)).status).toBe(202)
    const [mail] = await mails()
    expect(mail!.to).toBe(wanted)
    expect((await post('/v1/customers/email-changes/complete', { token: tokenIn(mail!) })).status).toBe(204)
    expect((await get('/v1/customers/me', access_token)).body.email).toBe(wanted)
    expect((await mails()).map(({ to, subject }) => [to, subject.includes('was changed')])).toEqual([[email, true]])
  })

  it('that somebody has tells nobody so', async () => {
    const [mine, theirs] = [await signUp(), await signUp()]
    const answer = await post('/v1/customers/me/email', { password: PASSWORD, email: theirs.email }, mine.access_token)
    expect(answer).toMatchObject({ status: 202, body: { status: 'accepted' } })
    const [mail] = await mails()
    expect(mail).toMatchObject({ to: theirs.email, subject: expect.stringContaining('You have an account') })
  })
})
