import postgres from 'postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestApi, type TestApi } from '../testing/api.ts'

const PLATFORM = 'platform.localhost'

let api: TestApi
let token: string

beforeAll(async () => {
  api = await createTestApi()
  token = await api.adminToken()
})
afterAll(() => api.close())

const ask = async (url: string) => (await api.call(PLATFORM, { url, token })).body

it('tells what admins did, and names the first entry that was changed by somebody with every right', async () => {
  const shop = await api.addMerchant()
  const domains = `/v1/merchants/${shop.merchant.id}/domains`
  await api.call(PLATFORM, { method: 'POST', url: domains, token, payload: { host: 'www.mugs.example' } })
  await api.call(PLATFORM, { method: 'PATCH', url: `/v1/merchants/${shop.merchant.id}`, token, payload: { status: 'suspended' } })
  await api.call(PLATFORM, { method: 'DELETE', url: `${domains}/www.mugs.example`, token })
  const { data } = await ask(`/v1/audit?merchant_id=${shop.merchant.id}`)
  expect(data.map((entry: { action: string }) => entry.action)).toEqual(['domain.remove', 'merchant.set_status', 'domain.add'])
  const before = await ask('/v1/audit/verification')
  expect(before).toMatchObject({ intact: true, first_wrong: null, head: { sequence: before.verified_entries } })

  const admin = postgres(api.shop.database.adminUrl, { max: 1 })
  try {
    await admin`update platform.audit set data = '{"status":"active"}' where action = 'merchant.set_status'`
    const { sequence, id } = data[1]
    expect(await ask('/v1/audit/verification')).toMatchObject({ intact: false, first_wrong: { sequence, entry_id: id, fault: 'edited' } })
    await admin`delete from platform.audit where action = 'merchant.set_status'`
    expect(await ask('/v1/audit/verification')).toMatchObject({ first_wrong: { sequence, entry_id: null, fault: 'missing' } })
  } finally {
    await admin.end()
  }
})
