import { Engine } from 'json-rules-engine'
import { describe, expect, it } from 'vitest'
import type { Refusal } from '../refusal.ts'
import { cartFacts, lineFacts } from '../testing/rules/facts.ts'
import { compileConditions } from './compile.ts'
import { validateConditions } from './validate.ts'

const leaf = (fact: string, operator: string, value: unknown, more: object = {}) => ({ fact, operator, value, ...more })

/** What the engine as it comes, without our operators, makes of conditions on plain facts. */
async function plainEngine(conditions: unknown, facts: Record<string, unknown>): Promise<'fired' | 'not' | 'threw'> {
  try {
    const engine = new Engine([{ conditions: conditions as never, event: { type: 'fired' } }])
    const { events } = await engine.run(facts)
    return events.length > 0 ? 'fired' : 'not'
  } catch {
    return 'threw'
  }
}

function codesOf(conditions: unknown): string[] {
  try {
    validateConditions(conditions, { scope: 'cart', pointer: '' })
    return []
  } catch (error) {
    return (error as Refusal).details.errors!.map((fault) => fault.code)
  }
}

// The list of docs/rules.md. If the engine sheds a trap, its line here fails, and the page may forget it.
describe('a trap of the engine', () => {
  it.each<[string, unknown, Record<string, unknown>, 'fired' | 'not' | 'threw', string]>([
    ['an empty any is true', { any: [] }, {}, 'fired', 'empty_group'],
    [
      'any hides all',
      { any: [leaf('channel', 'equal', 'web')], all: [leaf('channel', 'equal', 'pos')] },
      { channel: 'web' },
      'fired',
      'unknown_field',
    ],
    ['not takes no list', { not: [leaf('channel', 'equal', 'web')] }, { channel: 'web' }, 'threw', 'value_type'],
    ['all takes no object', { all: leaf('channel', 'equal', 'web') }, { channel: 'web' }, 'threw', 'value_type'],
    ['texts are ordered by letters', { all: [leaf('channel', 'greaterThan', '10')] }, { channel: '9' }, 'fired', 'operator_unfit'],
    ['a text compares with a number', { all: [leaf('cart.quantity', 'greaterThan', 9)] }, { 'cart.quantity': '10' }, 'fired', ''],
    [
      'a text with letters compares as nothing',
      { all: [leaf('cart.quantity', 'greaterThan', '10abc')] },
      { 'cart.quantity': 900 },
      'not',
      'value_type',
    ],
    ['in searches inside a text', { all: [leaf('channel', 'in', 'web-and-pos')] }, { channel: 'and' }, 'fired', 'value_type'],
    ['in with a number stops the run', { all: [leaf('channel', 'in', 5)] }, { channel: 'web' }, 'threw', 'value_type'],
    ['an unknown operator stops the run', { all: [leaf('channel', 'is', 'web')] }, { channel: 'web' }, 'threw', 'operator_unknown'],
    ['an unknown fact stops the run', { all: [leaf('chanel', 'equal', 'web')] }, { channel: 'web' }, 'threw', 'fact_unknown'],
    [
      'a value may be another fact',
      { all: [leaf('channel', 'equal', { fact: 'currency' })] },
      { channel: 'x', currency: 'x' },
      'fired',
      'value_from_fact',
    ],
    ['every of nothing is true', { all: [leaf('cart.skus', 'everyFact:equal', 'x')] }, { 'cart.skus': [] }, 'fired', 'operator_unknown'],
    [
      'a path on a text is ignored',
      { all: [leaf('channel', 'equal', 'web', { path: '$.no.such' })] },
      { channel: 'web' },
      'fired',
      'refused_field',
    ],
    ['a shared condition may be gone', { all: [{ condition: 'gone' }] }, {}, 'threw', 'refused_field'],
    ['0.1 + 0.2 is not 0.3', { all: [leaf('cart.subtotal', 'equal', 0.3)] }, { 'cart.subtotal': 0.1 + 0.2 }, 'not', 'value_type'],
    [
      'a date is not its text',
      { all: [leaf('time.now', 'equal', '2026-05-04T00:00:00.000Z')] },
      { 'time.now': new Date('2026-05-04') },
      'not',
      'operator_unfit',
    ],
  ])('%s', async (_, conditions, facts, engine, refusedAs) => {
    expect(await plainEngine(conditions, facts)).toBe(engine)
    // The one that is not refused cannot arise: our facts have one type each.
    if (refusedAs === '') expect(codesOf(conditions)).toEqual([])
    else expect(codesOf(conditions)).toContain(refusedAs)
  })

  it('is that what is missing differs from everything, which here it does not', async () => {
    const conditions = validateConditions({ all: [leaf('shipping_address.country', 'notEqual', 'US')] }, { scope: 'cart', pointer: '' })
    expect(await plainEngine(conditions, { 'shipping_address.country': undefined })).toBe('fired')
    expect(compileConditions(conditions, 'cart').holds(cartFacts())).toBe(false)
  })

  it('is deep nesting, which validation stops at its fifth level', async () => {
    let nested: unknown = leaf('channel', 'equal', 'web')
    for (let level = 0; level < 20_000; level++) nested = { not: nested }
    expect(await plainEngine(nested, { channel: 'web' })).toBe('threw')
    expect(codesOf(nested)).toEqual(['too_deep'])
  })

  it('is an empty cart, of which every line holds in the engine and none here', () => {
    const conditions = validateConditions(
      { all: [leaf('lines', 'every_line', { all: [leaf('line.on_sale', 'equal', true)] })] },
      { scope: 'cart', pointer: '' },
    )
    const { holds } = compileConditions(conditions, 'cart')
    expect(holds(cartFacts())).toBe(false)
    expect(holds(cartFacts({ lines: [lineFacts({ 'line.on_sale': true })] }))).toBe(true)
  })
})
