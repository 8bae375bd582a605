import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { CONTRACT_IDS } from './contract.ts'
import { fieldsOf } from './fields.ts'
import { referenceParts, withReferenceParts } from './reference.ts'

const page = readFileSync(new URL('../../../../docs/plugins/reference.md', import.meta.url), 'utf8')

test('the reference says what the code does: after a change run `node packages/plugins-sdk/write-reference.ts`', () => {
  expect(withReferenceParts(page)).toBe(page)
})

test('the reference describes every field of every contract', () => {
  for (const id of CONTRACT_IDS) {
    const table = referenceParts()[`fields of ${id}`]!
    for (const { path, description } of fieldsOf(id)) {
      expect(table).toContain(`| \`${path}\` `)
      expect(description, path).not.toBe('')
    }
    expect(table).not.toMatch(/\| +\|/)
  }
})
