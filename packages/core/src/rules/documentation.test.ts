import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { FACTS } from './fact-catalogue.ts'
import {
  COSTED_LINES,
  PATTERN_CHARACTERS_MAX,
  PATTERN_CHOICES_MAX,
  PATTERN_PROGRAM_MAX,
  PATTERN_REPEAT_MAX,
  RULE_BYTES_MAX,
  RULE_COST_MAX,
  RULE_DEPTH_MAX,
  RULE_LEAVES_MAX,
  RULE_LINE_LEAVES_MAX,
  RULE_TEXT_GRAPHEMES_MAX,
  RULE_VALUES_MAX,
} from './limits.ts'
import { OPERATORS } from './operators.ts'
import { patternFault } from './pattern.ts'
import { validateConditions } from './validate.ts'

const page = readFileSync(new URL('../../../../docs/rules.md', import.meta.url), 'utf8')

/** The rows of the table under a heading, cells without the padding of the formatter. */
function rowsUnder(heading: string): string[] {
  const section = page.split(/^#{2,3} /m).find((each) => each.startsWith(`${heading}\n`))
  expect(section, heading).toBeDefined()
  const rows = section!.split('\n').filter((line) => line.startsWith('|'))
  return rows.slice(2).map(withoutPadding)
}

/** Without the spaces that line up columns; an escaped bar belongs to its cell. */
function withoutPadding(row: string): string {
  return row.replaceAll(/\s*(?<!\\)\|\s*/g, ' | ').trim()
}

const row = (cells: readonly unknown[]) => `| ${cells.join(' | ')} |`

describe('docs/rules.md', () => {
  it.each([
    ['Facts of the cart', 'cart'],
    ['Facts of a line', 'line'],
  ])('has every fact under %s, and no other', (heading, scope) => {
    const facts = Object.entries(FACTS).filter(([, fact]) => fact.scope === scope)
    const expected = facts.map(([name, { type, unit, nullable, description }]) =>
      row([`\`${name}\``, type, unit ?? '', nullable ? 'yes' : '', description.replaceAll('|', '\\|')]),
    )
    expect(rowsUnder(heading)).toEqual(expected.map(withoutPadding))
  })

  it('has every operator with the types it compares', () => {
    const said = rowsUnder('Operators').flatMap((each) => {
      const [, names = '', types = ''] = each.split(/(?:^| )\| /)
      return [...names.matchAll(/`(\w+)`/g)].map(([, name]) => ({ name: name!, types: types.split(', ') }))
    })
    const known = Object.entries(OPERATORS).map(([name, { types }]) => ({ name, types: [...types] }))
    for (const operator of said) operator.types.sort()
    for (const operator of known) operator.types.sort()
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)
    expect(said.sort(byName)).toEqual(known.sort(byName))
  })

  it('has the limits', () => {
    const said = rowsUnder('Limits').map((each) => Number(/\| ([\d,]+)/.exec(each.slice(1))?.[1]?.replaceAll(',', '')))
    expect(said).toEqual([
      RULE_DEPTH_MAX,
      RULE_LEAVES_MAX,
      RULE_LINE_LEAVES_MAX,
      RULE_VALUES_MAX,
      RULE_TEXT_GRAPHEMES_MAX,
      RULE_BYTES_MAX,
      PATTERN_CHARACTERS_MAX,
      PATTERN_REPEAT_MAX,
      PATTERN_PROGRAM_MAX,
      PATTERN_CHOICES_MAX,
      RULE_COST_MAX,
    ])
    expect(page).toContain(`a cart of ${COSTED_LINES} lines`)
  })

  it('has examples that can be saved as they stand', () => {
    const examples = [...page.matchAll(/```json (cart|line)\n([\s\S]*?)```/g)]
    expect(examples.length).toBeGreaterThan(8)
    for (const [, scope, text] of examples) {
      const json = JSON.parse(text!)
      expect(validateConditions(json, { scope: scope as 'cart' | 'line', pointer: '' })).toEqual(json)
    }
  })

  it('has patterns that are refused, and are', () => {
    const refused = rowsUnder('Patterns').map((each) => /`([^`]+)`/.exec(each)![1]!.replaceAll('\\|', '|'))
    expect(refused.length).toBeGreaterThan(4)
    for (const pattern of refused) expect(patternFault(pattern)?.code, pattern).toBe('unsafe_pattern')
  })
})
