import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type DiscountContract, type DiscountInput, discountInputFor, readDiscounts } from './adapters/discount.ts'
import { type DiscountOperation, discountOperations } from './adapters/discount-amounts.ts'
import { type Bundle, buildBundle } from './kit/bundle.ts'
import { generatedInputs } from './kit/generated-inputs.ts'
import { callPlugin, closeSandbox } from './kit/sandbox.ts'
import { contractIdsOf } from './manifest.ts'
import { PluginFolder, pluginFiles } from './testing/plugin-folder.ts'

// A plugin of discount@1, untouched since before there was a discount@2, beside one of discount@2 that says the same and one that speaks both.
// The shop asks each in its own major and does the same with what they answer.

afterAll(closeSandbox)

const FIELDS = ['lines.id', 'lines.quantity', 'codes']
const OLD = `{ run({ lines, codes }) {
  const operations = lines.filter(({ quantity }) => quantity > 5).map(({ id }) => ({ type: 'line', line_id: id, value: { percentage: '12.5' }, message: 'Many' }))
  return { operations: codes.includes('SPRING') ? [...operations, { type: 'order', value: { amount: 250 }, message: 'Spring', code: 'SPRING' }] : operations }
} }`
const NEW = `{ run({ lines, codes }) {
  const many = lines.filter(({ quantity }) => quantity > 5).map(({ id }) => ({ line_id: id }))
  const discounts = many.length > 0 ? [{ target: { lines: many }, value: { percentage: '12.5' }, message: 'Many' }] : []
  return { discounts: codes.includes('SPRING') ? [...discounts, { target: { order: true }, value: { amount: 250, per: 'target' }, message: 'Spring', code: 'SPRING' }] : discounts }
} }`

const carts = generatedInputs('discount@2', 'run').map(({ input }) => input as unknown as DiscountInput)
let bundles: Record<'old' | 'new' | 'both', Bundle>

beforeAll(async () => {
  const build = async (input: Record<string, string[]>, hooks: string) => {
    using folder = new PluginFolder(pluginFiles(input, hooks))
    return await buildBundle(folder.path)
  }
  bundles = {
    old: await build({ 'discount@1': FIELDS }, `{ 'discount@1': ${OLD} }`),
    new: await build({ 'discount@2': FIELDS }, `{ 'discount@2': ${NEW} }`),
    both: await build({ 'discount@1': FIELDS, 'discount@2': FIELDS }, `{ 'discount@1': ${OLD}, 'discount@2': ${NEW} }`),
  }
})

/** What a shop does with a plugin of either major. */
async function discountsOf(bundle: Bundle, cart: DiscountInput, contract: DiscountContract): Promise<DiscountOperation[]> {
  const answer = await callPlugin(bundle, contract, 'run', discountInputFor(contract, cart))
  if (!answer.ok) throw new Error(answer.detail)
  const read = readDiscounts(contract, answer.output, cart)
  if (!read.ok) throw new Error(JSON.stringify(read.complaints))
  return discountOperations(read.answer, cart)
}

describe('a plugin of discount@1 beside a shop that speaks discount@2', () => {
  test('is asked in discount@1, and only its fields', async () => {
    expect(contractIdsOf(bundles.old.manifest)).toEqual(['discount@1'])
    const cart = carts.at(-1)!
    const { input } = await callPlugin(bundles.old, 'discount@1', 'run', discountInputFor('discount@1', cart))
    expect(input).toEqual({ lines: cart.lines.map(({ id, quantity }) => ({ id, quantity })), codes: cart.codes })
  })

  test('comes to the same amounts, cart by cart, as the plugin that was rewritten', async () => {
    let reduced = 0
    for (const cart of carts) {
      const old = await discountsOf(bundles.old, cart, 'discount@1')
      expect(await discountsOf(bundles.new, cart, 'discount@2')).toEqual(old)
      reduced += old.length
    }
    expect(reduced).toBeGreaterThan(100)
  })
})

test('one bundle may speak both, and the shop may ask it in either', async () => {
  expect(contractIdsOf(bundles.both.manifest)).toEqual(['discount@1', 'discount@2'])
  for (const cart of carts.slice(0, 40)) {
    expect(await discountsOf(bundles.both, cart, 'discount@2')).toEqual(await discountsOf(bundles.both, cart, 'discount@1'))
  }
})
