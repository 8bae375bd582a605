import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { incompatibilities } from './compatibility.ts'
import { CONTRACT_IDS } from './contract.ts'
import { type JsonSchema, type PublishedContract, publishedContract } from './json-schema.ts'

function stored(id: string): PublishedContract {
  return JSON.parse(readFileSync(new URL(`../../contracts/${id}.json`, import.meta.url), 'utf8')) as PublishedContract
}

describe.each(CONTRACT_IDS)('%s', (id) => {
  test('still keeps what its published copy promised', () => {
    expect(incompatibilities(stored(id), publishedContract(id))).toEqual([])
  })

  test('is published as it is: after an addition run `node packages/plugins-sdk/freeze-contracts.ts`', () => {
    expect(publishedContract(id)).toEqual(stored(id))
  })
})

/** A change of discount@1, made to a copy of what is published. */
interface Change {
  name: string
  make(contract: PublishedContract): void
  says?: RegExp
}

const input = (contract: PublishedContract) => contract.hooks.run!.input
const line = (contract: PublishedContract) => input(contract).properties!.lines!.items!
const operations = (contract: PublishedContract) => contract.hooks.run!.output.properties!.operations!
const operation = (contract: PublishedContract) => operations(contract).items!.oneOf![0]!
const without = (names: string[] | undefined, name: string) => names!.filter((other) => other !== name)

const BREAKING: Change[] = [
  { name: 'an input field goes', make: (contract) => delete line(contract).properties!.vendor, says: /vendor/ },
  {
    name: 'an input field is not always there',
    make: (contract) => (line(contract).required = without(line(contract).required, 'sku')),
    says: /sku/,
  },
  {
    name: 'an input field may be null',
    make: (contract) => (line(contract).properties!.sku = { anyOf: [line(contract).properties!.sku!, { type: 'null' }] }),
  },
  {
    name: 'an input field changes its type',
    make: (contract) => (line(contract).properties!.quantity = { type: 'string' }),
    says: /string is not integer/,
  },
  { name: 'an input number grows', make: (contract) => (line(contract).properties!.quantity!.maximum = 2_000_000), says: /maximum/ },
  { name: 'an input loses its lower bound', make: (contract) => delete line(contract).properties!.quantity!.minimum, says: /minimum/ },
  { name: 'an input list grows', make: (contract) => (input(contract).properties!.lines!.maxItems = 5_000), says: /maxItems/ },
  { name: 'an operation is no longer taken', make: (contract) => operations(contract).items!.oneOf!.splice(1, 1) },
  { name: 'an operation must say more', make: (contract) => operation(contract).required!.push('code'), says: /code was not asked for/ },
  { name: 'an operation may say less', make: (contract) => delete operation(contract).properties!.code, says: /code is no longer taken/ },
  { name: 'a message must be shorter', make: (contract) => (operation(contract).properties!.message!.maxLength = 80), says: /maxLength/ },
  { name: 'a pattern appears', make: (contract) => (operation(contract).properties!.line_id!.pattern = '^line_'), says: /pattern/ },
  { name: 'fewer operations are taken', make: (contract) => (operations(contract).maxItems = 25), says: /maxItems/ },
  { name: 'a hook goes', make: (contract) => delete contract.hooks.run, says: /the hook is gone/ },
  { name: 'a hook changes its kind', make: (contract) => (contract.hooks.run!.kind = 'request'), says: /was pure/ },
  {
    name: 'a hook comes that one must have',
    make: (contract) => (contract.hooks.check = { ...contract.hooks.run! }),
    says: /may be left out/,
  },
]

const ADDITIVE: Change[] = [
  { name: 'an input field comes', make: (contract) => (line(contract).properties!.warehouse = { type: 'string' }) },
  {
    name: 'an input field that could be null no longer is',
    make: (contract) => (line(contract).properties!.compare_at_price = { type: 'integer', minimum: 0, maximum: 10 }),
  },
  { name: 'an operation may say more', make: (contract) => (operation(contract).properties!.note = { type: 'string' }) },
  {
    name: 'an operation may say less than it had to',
    make: (contract) => (operation(contract).required = without(operation(contract).required, 'message')),
  },
  {
    name: 'a new kind of operation comes',
    make: (contract) => operations(contract).items!.oneOf!.push({ type: 'object', properties: { type: { const: 'gift' } } } as JsonSchema),
  },
  { name: 'a longer message is taken', make: (contract) => (operation(contract).properties!.message!.maxLength = 500) },
  { name: 'a hook comes that may be left out', make: (contract) => (contract.hooks.check = { ...contract.hooks.run!, required: false }) },
  { name: 'a description is written better', make: (contract) => (line(contract).properties!.grams!.description = 'Grams.') },
]

test.each(BREAKING)('complains when $name', ({ make, says }) => {
  const changed = stored('discount@1')
  make(changed)
  const found = incompatibilities(stored('discount@1'), changed)
  expect(found).not.toEqual([])
  if (says !== undefined) expect(found.join('\n')).toMatch(says)
})

test.each(ADDITIVE)('is content when $name', ({ make }) => {
  const changed = stored('discount@1')
  make(changed)
  expect(changed).not.toEqual(stored('discount@1'))
  expect(incompatibilities(stored('discount@1'), changed)).toEqual([])
})

test('discount@2 is a major of its own: as a change of discount@1 it would break plugins', () => {
  expect(incompatibilities(stored('discount@1'), { ...publishedContract('discount@2') })).not.toEqual([])
})
