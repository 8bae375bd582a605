import { readFile } from 'node:fs/promises'
import { SCOPES, STAFF_ROLES, type StaffRole, scopesOfRole } from '@souk/core/merchant/scopes.ts'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type ApiMerchant, createTestApi, type TestApi } from './testing/api.ts'
import { type Description, type Operation, readOperations } from './testing/operations.ts'
import { staffOfRole } from './testing/staff-of-role.ts'

// What each role may do, told three times: by docs/staff-and-roles.md in a table of scopes, by this file in operations, and by the
// API, which is asked for every operation it describes by a member of every role.

vi.setConfig({ testTimeout: 120_000 })

/** For whoever has credentials: about themselves. */
const ABOUT_ONESELF = ['GET /v1/admin/me', 'POST /v1/admin/me/password']

const DELIVERIES = [
  'GET /v1/admin/queues/to-deliver',
  'GET /v1/admin/deliveries/{fulfillment_id}',
  'POST /v1/admin/deliveries/{fulfillment_id}/collect',
  'POST /v1/admin/deliveries/{fulfillment_id}/attempts',
]

/** Operations that change something, of those who may not change everything: a new one is a decision. */
const MAY_CHANGE: Record<'warehouse' | 'courier', string[]> = {
  courier: [...ABOUT_ONESELF, ...DELIVERIES].filter(isChange),
  warehouse: [
    ...[...ABOUT_ONESELF, ...DELIVERIES].filter(isChange),
    'PATCH /v1/admin/fulfillments/{fulfillment_id}',
    ...['pick', 'pack', 'ship', 'deliver', 'cancel', 'split', 'take', 'assign', 'courier'].map(
      (step) => `POST /v1/admin/fulfillments/{fulfillment_id}/${step}`,
    ),
    'POST /v1/admin/orders/{order_id}/fulfillments',
    'POST /v1/admin/orders/{order_id}/shipments',
    'POST /v1/admin/shipments/{shipment_id}/cancel',
    'POST /v1/admin/shipments/{shipment_id}/track',
    'POST /v1/admin/returns/{return_id}/receive',
  ],
}

/** Parts of the shop where support may change nothing. */
const NOT_FOR_SUPPORT =
  /^\/v1\/admin\/(staff|api-keys|settings|products|variants|collections|imports|stock|locations|plugins|promotions|coupons|coupon-batches|tax|shipping|webhook|mail|ledger|audit|dead-jobs|jobs|fulfillments|deliveries|shipments|queues|payment-accounts|reconciliations)/

let api: TestApi
let shop: ApiMerchant
let operations: Operation[]
const tokens = new Map<StaffRole, string>()

beforeAll(async () => {
  api = await createTestApi()
  shop = await api.addMerchant()
  for (const role of STAFF_ROLES) tokens.set(role, (await staffOfRole(api, shop, role)).token)
  const described = readOperations((await api.call('any.localhost', { url: '/openapi.json' })).body as Description)
  operations = described.filter(({ audience, credential }) => audience === 'staff' && credential === 'access')
})
afterAll(() => api.close())

function isChange(key: string): boolean {
  return !key.startsWith('GET ')
}

/** Whether the API lets a member of this role do it; what they ask for is nonsense, and answered after that. */
async function mayDo(role: StaffRole, { method, path }: Operation): Promise<boolean> {
  const url = path.replaceAll(/\{[a-z_]+\}/g, 'nonsense')
  const { status, body } = await api.call(shop.host, { method, url, token: tokens.get(role)! })
  expect(status, `${method} ${url}`).toBeLessThan(500)
  return !(status === 403 && body.type.endsWith('/insufficient-scope'))
}

async function allowed(role: StaffRole): Promise<string[]> {
  const keys: string[] = []
  for (const operation of operations) if (await mayDo(role, operation)) keys.push(operation.key)
  return keys
}

describe('every operation for staff', () => {
  it('asks for a scope, but for what is about oneself', () => {
    const bare = api.routes.filter(({ config }) => config?.gate === 'staff' && config.scopes?.length === 0)
    const keys = bare.flatMap(({ method, url }) => [method].flat().map((one) => `${one} ${url}`)).filter((key) => !key.startsWith('HEAD '))
    expect(keys.sort()).toEqual(ABOUT_ONESELF)
    expect(operations.length).toBeGreaterThan(150)
  })

  it('asks for scopes that a reader does not need where it changes something', () => {
    const lax = api.routes.filter(({ method, config, url }) => {
      const changes = [method].flat().some((one) => !['GET', 'HEAD'].includes(one))
      // A question that is too long for a query.
      const onlyAsks = /\/(quotes|resolve|rates|preview|explain|test)$/.test(url)
      return (
        config?.gate === 'staff' &&
        changes &&
        !onlyAsks &&
        config.scopes!.length > 0 &&
        config.scopes!.every((scope) => scope.endsWith(':read'))
      )
    })
    expect(lax.map(({ method, url }) => `${String(method)} ${url}`)).toEqual([])
  })
})

describe('a role', () => {
  it('may do what docs/staff-and-roles.md says', async () => {
    const page = await readFile(new URL('../../../docs/staff-and-roles.md', import.meta.url), 'utf8')
    const rows = [...page.matchAll(/^\| `([a-z_]+:[a-z]+)` +\|(.+)\|$/gm)].map(
      ([, scope, cells]) => [scope, cells!.split('|').map((cell) => cell.trim())] as const,
    )
    const said = Object.fromEntries(rows.map(([scope, cells]) => [scope, STAFF_ROLES.filter((_, index) => cells[index] === 'x')]))
    const done = Object.fromEntries(SCOPES.map((scope) => [scope, STAFF_ROLES.filter((role) => scopesOfRole(role).includes(scope))]))
    expect(said).toEqual(done)
  })

  it('owner may do everything, and manager everything but make API keys', async () => {
    expect(await allowed('owner')).toEqual(operations.map(({ key }) => key))
    const ofOwners = ['GET', 'POST'].map((method) => `${method} /v1/admin/api-keys`)
    const expected = operations.map(({ key }) => key).filter((key) => !key.includes('/api-keys'))
    expect(await allowed('manager')).toEqual(expected)
    expect(operations.map(({ key }) => key)).toEqual(expect.arrayContaining(ofOwners))
  })

  it('courier may bring what is theirs, and nothing else', async () => {
    expect((await allowed('courier')).sort()).toEqual([...ABOUT_ONESELF, ...DELIVERIES].sort())
  })

  it('warehouse may handle goods: neither money, nor orders, nor settings', async () => {
    const changes = (await allowed('warehouse')).filter(isChange)
    const ofStock = changes.filter((key) =>
      /^\w+ \/v1\/admin\/(stock|locations|bundles|variants\/\{variant_id\}\/(stock|bundle|components))/.test(key),
    )
    expect(changes.filter((key) => !ofStock.includes(key)).sort()).toEqual(MAY_CHANGE.warehouse.sort())
    expect((await allowed('courier')).filter(isChange).sort()).toEqual(MAY_CHANGE.courier.sort())
  })

  it('support may serve buyers, and change nothing of the shop', async () => {
    const keys = await allowed('support')
    const paths = keys.filter(isChange).map((key) => key.split(' ')[1]!)
    expect(paths.filter((path) => NOT_FOR_SUPPORT.test(path))).toEqual(
      paths.filter((path) => /\/(preview|rates|resolve)$/.test(path) && NOT_FOR_SUPPORT.test(path)),
    )
    expect(keys).toEqual(
      expect.arrayContaining([
        'GET /v1/admin/orders',
        'POST /v1/admin/orders/{order_id}/cancel',
        'POST /v1/admin/orders/{order_id}/refunds',
        'POST /v1/admin/returns/{return_id}/approve',
        'POST /v1/admin/returns/{return_id}/refund',
      ]),
    )
    expect(keys.filter((key) => /staff|api-keys|webhook|ledger|audit/.test(key))).toEqual([])
  })
})
