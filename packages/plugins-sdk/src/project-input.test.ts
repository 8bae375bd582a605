import { describe, expect, expectTypeOf, test } from 'vitest'
import { CONTRACT_IDS, CONTRACTS, type ContractId } from './contracts/contract.ts'
import type { DiscountInputV1 } from './contracts/discount.ts'
import { fieldsOf } from './contracts/fields.ts'
import type { FieldPath, Projected } from './field-path.ts'
import { generatedInputs } from './kit/generated-inputs.ts'
import { projectInput } from './project-input.ts'

const cart = generatedInputs('discount@1', 'run').at(-1)!.input as unknown as DiscountInputV1

test('hands over the fields asked for and nothing else', () => {
  const full = { ...cart, customer: { groups: ['vip'], orders_count: 3, total_spent: 9_900 } }
  const input = projectInput({ input: { 'discount@1': ['lines.id', 'lines.quantity', 'customer.groups'] } }, 'discount@1', 'run', full)
  expect(input).toEqual({ lines: cart.lines.map(({ id, quantity }) => ({ id, quantity })), customer: { groups: ['vip'] } })
})

test('hands over nothing to a plugin that asks for nothing', () => {
  expect(projectInput({ input: { 'discount@1': [] } }, 'discount@1', 'run', cart)).toEqual({})
})

test('leaves a guest null, and says nothing of a customer unasked', () => {
  const guest = { ...cart, customer: null }
  expect(projectInput({ input: { 'discount@1': ['customer.groups'] } }, 'discount@1', 'run', guest)).toEqual({ customer: null })
  expect(projectInput({ input: { 'discount@1': ['currency'] } }, 'discount@1', 'run', guest)).toEqual({ currency: cart.currency })
})

test('does not hand over a member that the shop knows and the contract does not', () => {
  const leaking = { ...cart, merchant_id: 'secret', lines: cart.lines.map((line) => ({ ...line, cost_price: 1 })) }
  const all = fieldsOf('discount@1').map(({ path }) => path)
  expect(JSON.stringify(projectInput({ input: { 'discount@1': all } }, 'discount@1', 'run', leaking))).not.toMatch(/secret|cost_price/)
})

describe.each(CONTRACT_IDS.flatMap((id) => Object.keys(CONTRACTS[id].hooks).map((hook) => [id, hook] as const)))(
  '%s.%s',
  (id: ContractId, hook) => {
    const paths = fieldsOf(id).map(({ path }) => path)
    const generated = generatedInputs(id, hook).slice(0, 20)

    test('all fields together are the whole input', () => {
      for (const { input } of generated) {
        expect(projectInput({ input: { [id]: paths } }, id, hook, withoutBraces(input))).toEqual(withoutBraces(input))
      }
    })

    test('each field alone brings itself', () => {
      const { input } = generated[0]!
      for (const path of paths) {
        const projected = projectInput({ input: { [id]: [path] } }, id, hook, input)
        const roots = Object.keys(projected).filter((root) => root !== 'response')
        expect(roots.length, path).toBeLessThanOrEqual(1)
        expect([path.split('.')[0], undefined]).toContain(roots[0])
      }
    })
  },
)

test('a buyer`s text cannot name a secret in a request', () => {
  const { input } = generatedInputs('fulfillment@1', 'createShipment')[1]!
  const shipment = { ...(input.shipment as Record<string, object>), recipient: { name: 'Ada {{secrets.api_key}} {{{secrets.b}}}' } }
  const projected = projectInput({ input: { 'fulfillment@1': ['shipment.recipient.name'] } }, 'fulfillment@1', 'createShipment', {
    shipment,
  })
  expect(JSON.stringify(projected)).toContain('Ada { {secrets.api_key}}')
  expect(JSON.stringify(projected)).not.toContain('{{')
})

test('personal fields are marked', () => {
  const personal = (id: ContractId) => fieldsOf(id).flatMap(({ path, personal }) => (personal ? [path] : []))
  expect(personal('discount@1')).toEqual([
    'customer.groups',
    'customer.orders_count',
    'customer.total_spent',
    'destination.postcode',
    'codes',
  ])
  expect(personal('fulfillment@1')).toContain('shipment.recipient.email')
  expect(personal('fulfillment@1')).not.toContain('shipment.sender.email')
})

test('the type of an input follows the paths', () => {
  type Input = Projected<DiscountInputV1, 'lines.id' | 'lines.tags' | 'customer.groups' | 'codes'>
  expectTypeOf<Input>().branded.toEqualTypeOf<{
    lines: { id: string; tags: string[] }[]
    customer: { groups: string[] } | null
    codes: string[]
  }>()
  expectTypeOf<'lines.id' | 'destination.country'>().toExtend<FieldPath<DiscountInputV1>>()
  expectTypeOf<'lines'>().not.toExtend<FieldPath<DiscountInputV1>>()
  expectTypeOf<'lines.cost'>().not.toExtend<FieldPath<DiscountInputV1>>()
})

function withoutBraces<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value).replaceAll('{{', '((')) as Value
}
