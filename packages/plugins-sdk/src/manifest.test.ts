import { readFileSync } from 'node:fs'
import { expect, expectTypeOf, test } from 'vitest'
import { defineManifest, definePlugin } from './define-plugin.ts'
import { contractIdsOf, manifestSchema, type ParsedManifest, SDK_VERSION } from './manifest.ts'

const manifest = defineManifest({
  name: 'parcel-lockers',
  version: '1.2.0',
  title: 'Parcel lockers',
  sdk: '^1.0.0',
  contracts: { fulfillment: '^1', discount: '^1 || ^2' },
  input: { 'fulfillment@1': ['grams', 'shipment.recipient.name'], 'discount@1': ['lines.id'], 'discount@2': [] },
  configuration: { type: 'object', properties: { zone: { type: 'string', enum: ['a', 'b'], default: 'a' } } },
  secrets: { api_key: { title: 'API key', hosts: ['api.lockers.example'] } },
  hosts: [{ host: 'api.lockers.example', methods: ['GET', 'POST'] }],
  limits: { wall_ms: 40 },
})

const faults = (change: object) =>
  manifestSchema.safeParse({ ...manifest, ...change }).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []

test('takes a manifest whose parts agree', () => {
  expect(faults({})).toEqual([])
  expect(contractIdsOf(manifest)).toEqual(['discount@1', 'discount@2', 'fulfillment@1'])
})

test('fills in what may be left out', () => {
  const { configuration, secrets, hosts, limits, ...least } = { ...manifest, contracts: { tax: '^1' }, input: { 'tax@1': [] } }
  expect(manifestSchema.parse(least)).toMatchObject({
    configuration: { type: 'object', properties: {} },
    secrets: {},
    hosts: [],
    limits: {},
  })
})

test.each([
  ['a name with a space', { name: 'my plugin' }, /^name/],
  ['a name that climbs', { name: '../x' }, /^name/],
  ['a version that is none', { version: '1.0' }, /^version/],
  ['an SDK of another time', { sdk: '^2.0.0' }, /^sdk: does not contain/],
  ['no contract', { contracts: {}, input: {}, hosts: [], secrets: {} }, /names no contract/],
  ['a contract nobody knows', { contracts: { payment: '^1' } }, /payment/],
  ['a major that is not served', { contracts: { ...manifest.contracts, discount: '^9' } }, /contains no version that is served/],
  ['a range that is none', { contracts: { discount: 'one' } }, /no range/],
  ['fields of a contract it does not fill', { contracts: { fulfillment: '^1' } }, /^input.discount@1: is outside/],
  ['a contract without a word on fields', { input: { 'fulfillment@1': [] } }, /says nothing for discount@1 or discount@2/],
  ['a field that does not exist', { input: { ...manifest.input, 'discount@1': ['lines.cost_price'] } }, /lines.cost_price is no field/],
  ['a branch instead of a field', { input: { ...manifest.input, 'discount@1': ['lines'] } }, /lines is no field/],
  ['the answer of the carrier', { input: { ...manifest.input, 'fulfillment@1': ['response.body'] } }, /response.body is no field/],
  ['a field twice', { input: { ...manifest.input, 'discount@1': ['codes', 'codes'] } }, /asked for twice/],
  ['an address for a host', { hosts: [{ host: '169.254.169.254', methods: ['GET'] }] }, /no public host/],
  ['a host of the inside', { hosts: [{ host: 'db.internal', methods: ['GET'] }] }, /no public host/],
  ['this machine', { hosts: [{ host: 'localhost', methods: ['GET'] }] }, /no public host/],
  ['a host with a port', { hosts: [{ host: 'api.example:8080', methods: ['GET'] }] }, /no public host/],
  ['a wildcard', { hosts: [{ host: '*.example', methods: ['GET'] }] }, /no public host/],
  ['a host twice', { hosts: [manifest.hosts[0], manifest.hosts[0]] }, /listed twice/],
  [
    'a secret for a host that is not declared',
    { secrets: { key: { title: 'Key', hosts: ['other.example'] } } },
    /other.example is not among hosts/,
  ],
  [
    'hosts without a carrier',
    { contracts: { discount: '^1 || ^2' }, input: { 'discount@1': [], 'discount@2': [] } },
    /only a fulfillment plugin/,
  ],
  ['a second too long', { limits: { wall_ms: 5_000 } }, /^limits.wall_ms/],
  ['a word nobody knows', { scopes: ['orders'] }, /scopes/],
])('refuses %s', (_name, change, says) => {
  expect(faults(change).join('\n')).toMatch(new RegExp(says.source, `${says.flags}m`))
})

test('the SDK says the same version in its code and its package', () => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  expect(SDK_VERSION).toBe(version)
})

test('a parsed manifest is a manifest', () => {
  const parsed: ParsedManifest = manifestSchema.parse(manifest)
  expect(parsed).toEqual(manifest)
})

test('hooks are typed by what the manifest asks for and describes', () => {
  const plugin = definePlugin(manifest, {
    'fulfillment@1': {
      rates: (input, configuration) => {
        expectTypeOf(input).branded.toEqualTypeOf<{ grams: number }>()
        expectTypeOf(configuration.zone).toEqualTypeOf<'a' | 'b'>()
        return { rates: [{ code: 'locker', name: 'Parcel locker', amount: input.grams > 5_000 ? 690 : 390 }] }
      },
      parseShipment: ({ shipment, response }) => {
        expectTypeOf(shipment).branded.toEqualTypeOf<{ recipient: { name: string } }>()
        expectTypeOf(response.status).toEqualTypeOf<number>()
        return { outcome: 'failed', code: 'x', message: 'x', retry: false }
      },
    },
    'discount@1': {
      run: ({ lines }) => ({
        operations: lines.map(({ id }) => ({ type: 'line', line_id: id, value: { percentage: '5' }, message: 'Five' })),
      }),
    },
    'discount@2': { run: () => ({ discounts: [] }) },
  })
  expect(plugin.hooks['fulfillment@1'].rates({ grams: 6_000 }, { zone: 'a' }).rates[0]?.amount).toBe(690)
})

test('what a manifest does not promise does not compile', () => {
  const others = { 'fulfillment@1': { rates: () => ({ rates: [] }) }, 'discount@2': { run: () => ({ discounts: [] }) } }
  // @ts-expect-error lines.quantity was not asked for
  definePlugin(manifest, { ...others, 'discount@1': { run: ({ lines }) => ({ operations: lines.filter((line) => line.quantity > 1) }) } })
  // @ts-expect-error lines.cost is no field of the contract
  defineManifest({ ...manifest, input: { 'discount@1': ['lines.cost'] } })
  // @ts-expect-error the hooks of discount@1 are missing
  definePlugin(manifest, others)
  expect(others).toBeDefined()
})

test('inside the sandbox it registers its hooks, once', () => {
  const registered: unknown[] = []
  Object.assign(globalThis, { definePlugin: (hooks: unknown) => registered.push(hooks) })
  try {
    const hooks = { 'tax@1': { run: () => ({ lines: [], shipping: null, note: null }) } }
    definePlugin({ name: 'x', version: '1.0.0', title: 'x', sdk: '^1', contracts: { tax: '^1' }, input: { 'tax@1': [] } }, hooks)
    expect(registered).toEqual([{ contracts: hooks }])
  } finally {
    delete (globalThis as { definePlugin?: unknown }).definePlugin
  }
})
