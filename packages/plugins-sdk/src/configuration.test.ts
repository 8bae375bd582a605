import { describe, expect, expectTypeOf, test } from 'vitest'
import { type ConfigurationOf, type ConfigurationSchema, configurationSchemaSchema, validateConfiguration } from './configuration.ts'

const schema = {
  type: 'object',
  properties: {
    message: { type: 'string', title: 'Message', default: 'Thank you', minLength: 1, maxLength: 20 },
    mode: { type: 'string', enum: ['each', 'all'] },
    rate: { type: 'string', format: 'percentage' },
    floor: { type: 'integer', format: 'amount', maximum: 10_000 },
    quiet: { type: 'boolean', default: false },
    tiers: {
      type: 'array',
      items: {
        type: 'object',
        properties: { from: { type: 'integer', minimum: 1 }, percent: { type: 'string', format: 'percentage' } },
        required: ['from', 'percent'],
      },
      minItems: 1,
      maxItems: 3,
    },
    groups: { type: 'array', items: { type: 'string', format: 'customer_group' }, uniqueItems: true, default: [] },
  },
  required: ['mode', 'tiers'],
} as const satisfies ConfigurationSchema

const good = { mode: 'each', tiers: [{ from: 10, percent: '5' }] }

test('fills in defaults and leaves what was given alone', () => {
  const given = structuredClone(good)
  expect(validateConfiguration(schema, given)).toEqual({
    ok: true,
    configuration: { message: 'Thank you', mode: 'each', quiet: false, tiers: [{ from: 10, percent: '5' }], groups: [] },
  })
  expect(given).toEqual(good)
})

test.each([
  ['nothing at all', undefined, '', 'type'],
  ['a list', [], '', 'type'],
  ['what is missing', { tiers: good.tiers }, '/mode', 'required'],
  ['what is unknown', { ...good, colour: 'red' }, '/colour', 'unknown'],
  ['an unknown name with a slash', { ...good, 'a/b~c': 1 }, '/a~1b~0c', 'unknown'],
  ['a word outside the choices', { ...good, mode: 'some' }, '/mode', 'enum'],
  ['a number for a text', { ...good, message: 5 }, '/message', 'type'],
  ['an empty text', { ...good, message: '' }, '/message', 'too_short'],
  ['a long text', { ...good, message: 'x'.repeat(21) }, '/message', 'too_long'],
  ['a rate above 100', { ...good, rate: '100.5' }, '/rate', 'format'],
  ['a rate that is no decimal', { ...good, rate: '5 %' }, '/rate', 'format'],
  ['a negative amount', { ...good, floor: -1 }, '/floor', 'too_small'],
  ['an amount above the most', { ...good, floor: 10_001 }, '/floor', 'too_large'],
  ['a fraction', { ...good, floor: 1.5 }, '/floor', 'type'],
  ['a word for yes', { ...good, quiet: 'yes' }, '/quiet', 'type'],
  ['too few items', { ...good, tiers: [] }, '/tiers', 'too_short'],
  ['too many items', { ...good, tiers: Array(4).fill(good.tiers[0]) }, '/tiers', 'too_long'],
  ['a fault inside an item', { ...good, tiers: [{ from: 0, percent: '5' }] }, '/tiers/0/from', 'too_small'],
  ['a gap inside an item', { ...good, tiers: [{ from: 1 }] }, '/tiers/0/percent', 'required'],
  ['the same twice', { ...good, groups: ['vip', 'vip'] }, '/groups', 'duplicate'],
  [
    'a member of every object',
    JSON.parse('{"mode":"each","tiers":[{"from":1,"percent":"5"}],"__proto__":{"x":1}}'),
    '/__proto__',
    'unknown',
  ],
])('names the place of %s', (_name, value, pointer, code) => {
  const check = validateConfiguration(schema, value)
  expect(check.ok ? [] : check.errors.map((error) => [error.pointer, error.code])).toEqual([[pointer, code]])
})

test('names every fault at once', () => {
  const check = validateConfiguration(schema, { mode: 'x', floor: 'y', z: 1 })
  expect(check.ok ? [] : check.errors.map(({ pointer }) => pointer).sort()).toEqual(['/floor', '/mode', '/tiers', '/z'])
})

test('refuses a configuration that is too long as a whole', () => {
  const wide: ConfigurationSchema = { type: 'object', properties: { texts: { type: 'array', items: { type: 'string' } } } }
  const check = validateConfiguration(wide, { texts: Array(20).fill('x'.repeat(4_000)) })
  expect(check.ok ? [] : check.errors.map(({ code }) => code)).toEqual(['too_long'])
})

describe('a schema', () => {
  const faults = (value: unknown) => configurationSchemaSchema.safeParse(value).error?.issues.map(({ message }) => message) ?? []

  test('of the subset is taken', () => {
    expect(faults(schema)).toEqual([])
  })

  test.each([
    [
      'a default that does not fit',
      { type: 'object', properties: { a: { type: 'integer', minimum: 5, default: 1 } } },
      /the default is below 5/,
    ],
    [
      'a default deep inside',
      { type: 'object', properties: { a: { type: 'array', items: { type: 'string' }, default: [1] } } },
      /default at \/0 is no text/,
    ],
    ['a required name that is none', { type: 'object', properties: {}, required: ['b'] }, /names b/],
    ['a pattern', { type: 'object', properties: { a: { type: 'string', pattern: '(a+)+$' } } }, /pattern/],
    ['a reference', { type: 'object', properties: { a: { $ref: '#' } } }, /./],
    ['a name in capitals', { type: 'object', properties: { A: { type: 'string' } } }, /./],
    [
      'too many fields',
      { type: 'object', properties: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`f${i}`, { type: 'boolean' }])) },
      /101 fields/,
    ],
    ['a list as the whole', { type: 'array', items: { type: 'string' } }, /./],
  ])('with %s is refused', (_name, value, says) => {
    expect(faults(value).join('\n')).toMatch(says)
  })

  test('that nests too deep is refused', () => {
    let field: object = { type: 'string' }
    for (let depth = 0; depth < 8; depth++) field = { type: 'object', properties: { a: field } }
    expect(faults(field).join()).toMatch(/nests 9 deep/)
  })
})

test('gives a configuration its type', () => {
  expectTypeOf<ConfigurationOf<typeof schema>>().toEqualTypeOf<{
    message: string
    mode: 'each' | 'all'
    rate?: string
    floor?: number
    quiet: boolean
    tiers: { from: number; percent: string }[]
    groups: string[]
  }>()
})
