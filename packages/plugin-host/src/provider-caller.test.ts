import { discountInput, ratesInput, taxInput } from '@souk/core/plugins/provider-input.ts'
import { compilePricing } from '@souk/core/pricing/compile-pricing.ts'
import { priceCart } from '@souk/core/pricing/price-cart.ts'
import type { PricingInput } from '@souk/core/pricing/pricing-input.ts'
import { cartOf, documentOf, line, PARCEL, promotion } from '@souk/core/pricing/testing/shop.ts'
import type { ContractId } from '@souk/plugins-sdk/contracts/contract.ts'
import { discountInputV2 } from '@souk/plugins-sdk/contracts/discount-v2.ts'
import { fieldsOf } from '@souk/plugins-sdk/contracts/fields.ts'
import { ratesInputV1 } from '@souk/plugins-sdk/contracts/fulfillment.ts'
import { taxInputV1 } from '@souk/plugins-sdk/contracts/tax.ts'
import { manifestSchema } from '@souk/plugins-sdk/manifest.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PluginHost } from './plugin-host.ts'
import { ProviderCaller } from './provider-caller.ts'

let host: PluginHost
let caller: ProviderCaller
beforeAll(() => {
  host = new PluginHost({ repeatRate: 0, queueMsMax: 20_000, putOffMsMax: 20_000 })
  caller = new ProviderCaller(host)
})
afterAll(() => host.close())

const tenPercent = promotion({ name: 'Ten', actions: [{ type: 'percentage', on: 'order', rate_ppm: 100_000, where: null }] })
const rules = compilePricing(documentOf({ promotions: [tenPercent] }))

/** A cart of a merchant and a buyer who like long words. */
const wordy: PricingInput = cartOf(
  [
    line('tea', 2_000, 3, {
      tags: Array.from({ length: 400 }, (_, index) => `${'t'.repeat(300)}${index}`),
      collections: ['🍵'.repeat(200)],
      vendor: 'v'.repeat(1_000),
      sku: 's'.repeat(1_000),
      compareAtPrice: 2_500n,
    }),
  ],
  {
    shipping: { method: PARCEL },
    shippingAddress: { country: 'DE', region: 'r'.repeat(200), postcode: '1'.repeat(50), city: 'c'.repeat(300) },
    customer: {
      id: '0198c0de-0000-7000-8000-000000000001',
      groups: ['g'.repeat(300)],
      ordersCount: 3n,
      totalSpent: 9_900n,
      lastOrderAt: null,
      taxExempt: false,
      vatId: { country: 'DE', number: 'DE129273398', valid: true },
    },
    firstOrder: false,
    coupons: Array.from({ length: 60 }, (_, index) => ({ code: `CODE${index}`, promotionId: null, state: 'unknown' as const })),
  },
)
const priced = priceCart(wordy, rules)
const policy = { pricesIncludeTax: false, sellerCountry: 'DE', discountsAfterTax: false }

function releaseOf(contract: ContractId, code: string, further: object = {}) {
  const [name] = contract.split('@') as [string]
  const manifest = manifestSchema.parse({
    name: 'a-plugin',
    version: '1.0.0',
    title: 'A plugin',
    sdk: '^1.0.0',
    contracts: { [name]: `^${contract.split('@')[1]}` },
    input: { [contract]: fieldsOf(contract).map(({ path }) => path) },
    ...further,
  })
  return { source: `definePlugin({ contracts: { '${contract}': ${code} } })`, manifest }
}

async function ask(contract: ContractId, code: string, { hook = 'run', input }: { hook?: string; input: unknown }) {
  const { source, manifest } = releaseOf(contract, code)
  const inspected = await caller.inspect({ manifest, bundle: source })
  if (!inspected.ok) throw new Error(JSON.stringify(inspected.problems))
  const { digest, hooks } = inspected
  const asked = {
    release: { digest, manifest: inspected.manifest, hooks },
    loadBundle: async () => source,
    configuration: {},
    point: contract.split('@')[0] as 'discount',
    hook,
    input,
    cordon: 'stable' as const,
  }
  for (let attempt = 1; ; attempt++) {
    const answer = await caller.call({ merchantId: `m${attempt}`, ...asked })
    // None of these plugins takes long: it was the machine, which others use too.
    if (answer.ok || attempt === 10 || (answer.reason !== 'timeout' && answer.reason !== 'killed')) return answer
  }
}

describe("a shop's questions", () => {
  it.each([
    ['discount', () => discountInputV2.parse(discountInput(wordy, priced))],
    ['tax', () => taxInputV1.parse(taxInput(wordy, priced, policy))],
    ['rates', () => ratesInputV1.parse(ratesInput(wordy, priced))],
  ])('about %s keep to the contract, however long the words of merchant and buyer are', (_point, parse) => {
    expect(parse).not.toThrow()
  })
})

describe('a plugin', () => {
  const everything =
    '{ run: (input) => ({ operations: [{ type: "order", value: { amount: 100 }, message: JSON.stringify(Object.keys(input.lines[0]).length) }] }) }'

  it('written for the first major is served beside one for the second, with the same effect', async () => {
    const input = discountInput(wordy, priced)
    const old = await ask('discount@1', everything, { input })
    const young = await ask(
      'discount@2',
      '{ run: () => ({ discounts: [{ target: { order: true }, value: { amount: 100, per: "target" }, message: "x" }] }) }',
      { input },
    )
    if (!old.ok || !young.ok) throw new Error(JSON.stringify([old, young]))
    const amounts = [old, young].map((answer) =>
      caller
        .discountOperations(answer.output as never, input, (numerator, denominator) => numerator / denominator)
        .map(({ target, amount }) => [target, amount]),
    )
    expect(amounts).toEqual([[['order', 100]], [['order', 100]]])
    expect(old.contract).toBe('discount@1')
    expect((old.input as { lines: object[] }).lines[0]).not.toHaveProperty('adjustments')
    expect((young.input as { lines: object[] }).lines[0]).toHaveProperty('adjustments')
  })

  it('that has not this hook is not run', async () => {
    const answer = await ask('fulfillment@1', '{ rates: () => ({ rates: [] }) }', { hook: 'track', input: {} })
    expect(answer).toMatchObject({ ok: false, reason: 'hook_missing' })
  })

  it('is not asked about more lines than a contract has', async () => {
    const input = { ...discountInput(wordy, priced), lines: Array(1_001).fill({}) }
    expect(await ask('discount@1', everything, { input })).toMatchObject({ ok: false, reason: 'input_too_large' })
  })

  it.each([
    ['a line that is not there', '{ operations: [{ type: "line", line_id: "x", value: { amount: 1 }, message: "m" }] }'],
    ['a negative amount', '{ operations: [{ type: "order", value: { amount: -1 }, message: "m" }] }'],
    ['a fraction', '{ operations: [{ type: "order", value: { amount: 0.5 }, message: "m" }] }'],
    ['more than a hundred per cent', '{ operations: [{ type: "order", value: { percentage: "101" }, message: "m" }] }'],
    ['a code nobody entered', '{ operations: [{ type: "order", value: { amount: 1 }, message: "m", code: "FREE" }] }'],
    ['an unknown member', '{ operations: [], more: 1 }'],
    ['a key that is a prototype', 'JSON.parse(\'{"operations": [], "__proto__": {}}\')'],
    ['a message with control characters', '{ operations: [{ type: "order", value: { amount: 1 }, message: "a\\u0007" }] }'],
    ['nothing', 'undefined'],
  ])('that answers with %s has failed', async (_what, answer) => {
    const asked = await ask('discount@1', `{ run: () => (${answer}) }`, { input: discountInput(wordy, priced) })
    expect(asked).toMatchObject({ ok: false, reason: 'output_invalid' })
  })
})

it('a release that nobody had time to look at is no bad release', async () => {
  const closed = new PluginHost({ repeatRate: 0, queueMsMax: 20_000, putOffMsMax: 20_000 })
  await closed.close()
  const { source, manifest } = releaseOf('discount@1', '{ run: () => ({ operations: [] }) }')
  expect(await new ProviderCaller(closed).inspect({ manifest, bundle: source })).toMatchObject({ ok: false, isBusy: true })
  expect(await caller.inspect({ manifest, bundle: '(' })).toMatchObject({ ok: false, isBusy: false })
})

describe('a release for a contract that will end', () => {
  const sunsets = { 'discount@1': { sunset: '2027-06-01' }, 'discount@2': { sunset: null } }
  const inspectedAt = (moment: string, contract: ContractId) => {
    const { source, manifest } = releaseOf(contract, '{ run: () => ({ operations: [] }) }')
    return new ProviderCaller(host, { now: () => new Date(moment), sunsets }).inspect({ manifest, bundle: source })
  }

  it('is taken until 90 days before, and not after', async () => {
    expect(await inspectedAt('2027-03-02T23:59:59Z', 'discount@1')).toMatchObject({ ok: true })
    expect(await inspectedAt('2027-03-03T00:00:00Z', 'discount@1')).toEqual({
      ok: false,
      problems: [{ pointer: '/manifest/contracts', code: 'plugin_invalid', detail: expect.stringContaining('until 2027-06-01') }],
    })
  })

  it('is taken when it is written for the next major', async () => {
    expect(await inspectedAt('2027-05-31T00:00:00Z', 'discount@2')).toMatchObject({ ok: true })
  })
})
