import type { DiscountInput } from '@souk/plugins-sdk/adapters/discount.ts'
import type { TaxInput } from '@souk/plugins-sdk/adapters/tax.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Actor } from '../actor.ts'
import { compilePricing } from '../pricing/compile-pricing.ts'
import { priceCart } from '../pricing/price-cart.ts'
import { NO_PLUGINS } from '../pricing/pricing-input.ts'
import { cartOf, documentOf, line, PARCEL, promotion, type Shop } from '../pricing/testing/shop.ts'
import { createTestShop, type TestShop } from '../testing/merchant.ts'
import { type PluginBehaviour, testPluginPort } from '../testing/plugin-port.ts'
import { type Consultation, consultPlugins } from './consult.ts'
import type { FailurePolicy } from './install.ts'
import { installPlugin } from './install-plugin.ts'
import { installsQuery, toInstalls } from './installs-in-force.ts'
import { PluginRuntime } from './plugin-runtime.ts'
import type { ExtensionPoint } from './port.ts'
import { pushRelease } from './releases.ts'

const actor: Actor = { kind: 'staff', id: '00000000-0000-7000-8000-000000000001' }
const by = { actor, now: new Date('2026-11-01T10:00:00Z') }
const input = cartOf([line('tea', 2_000), line('cup', 500, 4)], { shipping: { method: PARCEL } })

let shop: TestShop
beforeAll(async () => {
  shop = await createTestShop()
})
afterAll(() => shop.close())

interface Given {
  name: string
  point: ExtensionPoint
  does: PluginBehaviour
  failurePolicy?: FailurePolicy
}

/** A merchant with these plugins, in this order; and a way to ask them about the cart above. */
async function shopWith(plugins: Given[], priced: Shop = {}) {
  const { inMerchant } = await shop.addMerchant()
  const port = testPluginPort()
  const runtime = new PluginRuntime({ port, isBlocked: () => false, onError: () => {} })
  const ids = new Map<string, string>()
  for (const { name, point, does, failurePolicy } of plugins) {
    port.behaviours.set(`code of ${name}`, does)
    await pushRelease(
      inMerchant,
      port,
      { manifest: { name, version: '1.0.0', contracts: { [point]: '^1' } }, bundle: `code of ${name}` },
      by,
    )
    const providers = [{ point, failurePolicy }]
    ids.set(name, (await installPlugin(inMerchant, port, { plugin: name, versionRange: '^1', configuration: {}, providers }, by)).id)
  }
  const installs = toInstalls((await inMerchant.readOnce((tx) => [installsQuery(tx)]))[0]!)
  const rules = compilePricing(documentOf(priced))
  const consult = (moment: Consultation['moment'] = 'cart', about = input) =>
    consultPlugins({ runtime, inMerchant, installs, rules, moment }, about)
  return { port, ids, rules, consult, total: async () => priceCart({ ...input, plugins: await consult() }, rules).totals.total }
}

const takingOff =
  (amount: number): PluginBehaviour =>
  () => ({ output: [{ target: 'order', amount, reason: 'Because', code: null }] })
const failing: PluginBehaviour = () => ({ reason: 'threw', detail: 'oh no' })

describe('consulting plugins', () => {
  it('asks nobody where nothing is installed', async () => {
    const { consult, port } = await shopWith([])
    expect(await consult()).toBe(NO_PLUGINS)
    expect(port.calls).toEqual([])
  })

  it('adds up discounts of several, each blind to the others, and remembers who gave them', async () => {
    const { consult, ids, port, total } = await shopWith([
      { name: 'first', point: 'discount', does: takingOff(300) },
      { name: 'second', point: 'discount', does: takingOff(200) },
    ])
    expect((await consult()).discounts).toEqual([
      expect.objectContaining({ installId: ids.get('first'), plugin: 'first', version: '1.0.0' }),
      expect.objectContaining({ installId: ids.get('second'), plugin: 'second' }),
    ])
    expect(port.calls[0]!.input).toEqual(port.calls[1]!.input)
    expect(await total()).toBe(4_000n - 500n + 490n)
  })

  it('tells a discount plugin what promotions took off already, and what the shipping costs', async () => {
    const tenPercent = promotion({
      name: 'Ten',
      actions: [{ type: 'percentage', on: 'line', rate_ppm: 100_000, where: null }],
    })
    const { consult, port } = await shopWith([{ name: 'looks', point: 'discount', does: takingOff(0) }], { promotions: [tenPercent] })
    await consult()
    const seen = port.calls[0]!.input as DiscountInput
    expect(seen).toMatchObject({ currency: 'EUR', currency_digits: 2, subtotal: 4_000, shipping: { method: PARCEL, amount: 490 } })
    expect(seen.lines.find((each) => each.id === 'tea')).toMatchObject({ subtotal: 2_000, adjustments: [{ name: 'Ten', amount: 200 }] })
  })

  it('never takes off more than there is', async () => {
    const { total } = await shopWith([{ name: 'greedy', point: 'discount', does: takingOff(1_000_000) }])
    expect(await total()).toBe(490n)
  })

  it('offers the rates of carriers, and prices the chosen one', async () => {
    const rates = [{ code: 'locker', name: 'Locker', amount: 290, taxCategory: null, deliveryDays: { min: 1, max: 2 }, pickupPoint: null }]
    const { consult, ids, rules } = await shopWith([{ name: 'carrier', point: 'fulfillment', does: () => ({ output: rates }) }])
    const chosen = { ...input, shipping: { method: `${ids.get('carrier')}:locker` } }
    const plugins = await consult('cart', chosen)
    expect(plugins.rates[0]!.rates[0]).toMatchObject({ code: 'locker', amount: 290n })
    expect(priceCart({ ...chosen, plugins }, rules).totals).toMatchObject({ shipping: 290n, total: 4_290n })
  })

  it('takes the taxes of the first provider that answers, on what is left after discounts', async () => {
    const taxes = {
      lines: { tea: [{ name: 'MWST', ratePpm: 81_000 }], cup: [{ name: 'MWST', amount: 7 }] },
      shipping: [],
      note: 'By the plugin',
    }
    const { consult, port, rules } = await shopWith([
      { name: 'off', point: 'discount', does: takingOff(400) },
      { name: 'broken', point: 'tax', does: failing },
      { name: 'swiss', point: 'tax', does: () => ({ output: taxes }) },
    ])
    const plugins = await consult()
    const asked = port.calls.find((call) => call.release.plugin === 'swiss')!.input as TaxInput
    expect(asked.lines.reduce((sum, each) => sum + each.amount, 0)).toBe(3_600)
    expect(plugins.notes).toEqual([expect.objectContaining({ plugin: 'broken', reason: 'threw' })])
    const priced = priceCart({ ...input, plugins }, rules)
    expect(priced.taxTreatment).toMatchObject({ treatment: 'plugin', note: 'By the plugin' })
    // 8.1 % of 18.00 (tea after its share of the discount) is 1.458; the cup's tax is taken as it is
    expect(priced.totals.tax).toBe(146n + 7n)
  })

  it('leaves the tax of shipping to the table where the plugin says so', async () => {
    const taxes = { lines: { tea: [], cup: [] }, shipping: null, note: null }
    const table = { default_rate_ppm: 190_000 }
    const { consult, rules } = await shopWith([{ name: 'swiss', point: 'tax', does: () => ({ output: taxes }) }], { taxes: table })
    const priced = priceCart({ ...input, plugins: await consult() }, rules)
    // 19 % of 4.90
    expect(priced.totals.tax).toBe(93n)
  })
})

describe('a provider that fails', () => {
  it.each([
    ['discount', 'skip', 'left out'],
    ['fulfillment', 'skip', 'left out'],
    ['tax', 'fallback', "shop's own table"],
  ] as const)('at %s is passed over with a note', async (point, failurePolicy, words) => {
    const { consult, total } = await shopWith([{ name: 'broken', point, does: failing, failurePolicy }])
    expect((await consult('checkout')).notes).toEqual([{ plugin: 'broken', reason: 'threw', text: expect.stringContaining(words) }])
    expect(await total()).toBe(4_490n)
  })

  it('refuses the order where the merchant says so, and only notes it in the cart', async () => {
    const { consult } = await shopWith([{ name: 'broken', point: 'discount', does: failing, failurePolicy: 'refuse' }])
    expect((await consult('cart')).notes).toHaveLength(1)
    await expect(consult('checkout')).rejects.toMatchObject({
      code: 'plugin_failed',
      details: { extra: { plugin: 'broken', reason: 'threw' } },
    })
  })

  it('gets a second try for taxes at checkout when the failure may pass, and no other', async () => {
    let tries = 0
    const passing: PluginBehaviour = () => (++tries === 1 ? { reason: 'killed' } : { output: { lines: {}, shipping: [], note: null } })
    const { consult, port } = await shopWith([{ name: 'shaky', point: 'tax', does: passing }])
    expect((await consult('cart')).taxes).toBeNull()
    tries = 0
    port.calls.length = 0
    const { consult: again, port: second } = await shopWith([{ name: 'shaky', point: 'tax', does: () => ({ reason: 'timeout' }) }])
    await again('checkout')
    expect(second.calls).toHaveLength(2)
    const { consult: never, port: third } = await shopWith([{ name: 'shaky', point: 'tax', does: failing }])
    await never('checkout')
    expect(third.calls).toHaveLength(1)
  })
})
