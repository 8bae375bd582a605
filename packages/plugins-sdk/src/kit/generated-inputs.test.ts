import { describe, expect, test } from 'vitest'
import { CONTRACT_IDS, CONTRACTS } from '../contracts/contract.ts'
import { GENERATED_INPUTS, generatedInputs } from './generated-inputs.ts'

const hooks = CONTRACT_IDS.flatMap((contract) =>
  Object.entries(CONTRACTS[contract].hooks).map(([name, hook]) => ({ contract, name, hook })),
)

describe.each(hooks)('$contract.$name', ({ contract, name, hook }) => {
  const generated = generatedInputs(contract, name)

  test(`has ${GENERATED_INPUTS} inputs, each what its schema says and the same when read back`, () => {
    expect(generated).toHaveLength(GENERATED_INPUTS)
    for (const { name: title, input } of generated) {
      const read = hook.input.safeParse(JSON.parse(JSON.stringify(input)))
      expect(read.success ? read.data : `${title}: ${read.error.message}`).toEqual(input)
    }
  })

  test('draws the same ones every time', () => {
    expect(generatedInputs(contract, name)).toEqual(generated)
  })
})

test('a cart is tried without lines, with a thousand, in currencies of 0 and of 3 decimals, and with nobody behind it', () => {
  const carts = generatedInputs('discount@1', 'run').map(
    ({ input }) => input as { lines: unknown[]; currency_digits: number; customer: unknown },
  )
  expect(new Set(carts.map(({ lines }) => lines.length))).toContain(0)
  expect(new Set(carts.map(({ lines }) => lines.length))).toContain(1_000)
  expect(new Set(carts.map(({ currency_digits }) => currency_digits))).toEqual(new Set([0, 2, 3, 4]))
  expect(carts.some(({ customer }) => customer === null)).toBe(true)
})
