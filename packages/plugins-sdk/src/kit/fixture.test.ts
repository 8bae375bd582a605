import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { CONTRACT_IDS, CONTRACTS } from '../contracts/contract.ts'
import { fieldsOf } from '../contracts/fields.ts'
import { projectInput } from '../project-input.ts'
import { canonicalJson } from './canonical-json.ts'
import { type Fixture, fixtureText, readFixture, readFixtures, writeFixture } from './fixture.ts'
import { generatedInputs } from './generated-inputs.ts'
import { projectedSchema } from './projected-schema.ts'

const folder = mkdtempSync(join(tmpdir(), 'souk-fixtures-'))
afterAll(() => rmSync(folder, { recursive: true }))

const fixture: Fixture = {
  contract: 'discount@1',
  hook: 'run',
  input: { lines: [{ quantity: 2, id: 'a' }], codes: [] },
  configuration: { b: { d: 1, c: 2 }, a: 1 },
  output: { operations: [] },
}

test('the same call has the same bytes, in whatever order a database gives its members back', () => {
  const shuffled = { ...fixture, input: { codes: [], lines: [{ id: 'a', quantity: 2 }] }, configuration: { a: 1, b: { c: 2, d: 1 } } }
  expect(fixtureText(shuffled)).toBe(fixtureText(fixture))
  expect(JSON.parse(fixtureText(fixture))).toEqual(fixture)
  expect(Object.keys(JSON.parse(fixtureText(fixture)) as object)).toEqual(['contract', 'hook', 'input', 'configuration', 'output'])
})

test('is written and read back, byte for byte', () => {
  const file = writeFixture(folder, 'one', fixture)
  expect(fixtureText(readFixture(file))).toBe(readFileSync(file, 'utf8'))
  expect(readFixtures(folder)).toEqual([{ name: 'one', ...fixture }])
  expect(readFixtures(join(folder, 'nowhere'))).toEqual([])
})

test('a file that is none is named with the place', () => {
  const write = (text: string) => {
    writeFileSync(join(folder, 'bad.json'), text)
    return () => readFixture(join(folder, 'bad.json'))
  }
  expect(write('{')).toThrow(/bad\.json: /)
  expect(write('{"contract":"discount@9","hook":"run","input":{},"configuration":{},"output":null}')).toThrow(/bad\.json: \/contract/)
  expect(write('{"contract":"discount@1","hook":"run","input":[],"configuration":{},"output":null}')).toThrow(/\/input/)
  rmSync(join(folder, 'bad.json'))
})

test('a member named __proto__ stays a member', () => {
  expect(canonicalJson(JSON.parse('{"b":1,"__proto__":{"x":1}}'))).toBe('{"__proto__":{"x":1},"b":1}')
})

test.each(CONTRACT_IDS.flatMap((id) => Object.keys(CONTRACTS[id].hooks).map((hook) => [id, hook] as const)))(
  'the projected schema of %s.%s takes what is projected and refuses what was not asked for',
  (id, hook) => {
    const all = fieldsOf(id).map(({ path }) => path)
    for (const paths of [all, all.filter((_, index) => index % 3 === 0), []]) {
      const manifest = { input: { [id]: paths } }
      const schema = projectedSchema(manifest, id, hook)
      for (const { input } of generatedInputs(id, hook).slice(0, 30)) {
        expect(schema.safeParse(projectInput(manifest, id, hook, input)).error).toBeUndefined()
        if (paths.length < all.length) expect(schema.safeParse(input).success).toBe(false)
      }
    }
  },
)
