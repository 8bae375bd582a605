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

describe('making a merchant', () => {
  it('serves the shop at its host at once, and its owner can sign in', async () => {
    const made = await make('kaffa', 'kaffa-1')
    expect(made.status).toBe(201)
    expect(made.body.merchant).toMatchObject({ slug: 'kaffa', status: 'active', cell: 'shared-1', url: 'http://kaffa.localhost:3000' })
    const session = await api.call('kaffa.localhost', {
      method: 'POST',
      url: '/v1/admin/sessions',
      payload: { email: 'owner@kaffa.example', password: PASSWORD },
    })
    expect(session.status).toBe(200)
    const me = await api.call('kaffa.localhost', { url: '/v1/admin/me', token: session.body.access_token })
    expect(me.body).toMatchObject({ kind: 'staff', merchant_id: made.body.merchant.id })
  })
})
