import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { nameFault, proseFault, requireName } from './text.ts'

const VECTORS = new URL('../../../../shared/data/vectors/blns.json', import.meta.url)

test.each([
  ['a NUL', 'a\0b'],
  ['a lone surrogate', 'a\ud800b'],
  ['a right-to-left override', 'abc\u202egpj.exe'],
  ['an isolate', '\u2066abc\u2069'],
  ['a zero-width space', 'foo\u200bbar'],
  ['a zero-width joiner between Latin letters', 'foo\u200dbar'],
  ['a zero-width non-joiner between Latin letters', 'foo\u200cbar'],
  ['a byte order mark', '\ufeffname'],
  ['tag characters', 'name\u{e0041}\u{e0042}'],
  ['a Hangul filler', '\u3164'],
  ['a line break', 'two\nlines'],
  ['an escape', '\u001b[31mred'],
])('a name does not hold %s', (_what, text) => {
  expect(nameFault(text, 100)).toBe('invalid_text')
})

test.each([
  'Crème brûlée',
  'Ελληνικά',
  'می\u200cخواهم',
  'क्\u200dष',
  '日本語のTシャツ',
  'Zwölf Äpfel für Öl­kännchen',
  '=SUM(A1)',
  '<b>"bold" & \'quoted\'</b>',
  '👨‍👩‍👧‍👦 family',
  '🏴󠁧󠁢󠁥󠁮󠁧󠁿 shirt',
  '❤️',
  '½ "x 3 ¾"',
])('a name may be %s', (text) => {
  expect(nameFault(text, 100)).toBeUndefined()
})

test('a name is kept in one form, whichever way it was typed', () => {
  expect(requireName('/title', 'Cafe\u0301', 10)).toBe('Caf\u00e9')
  expect(() => requireName('/title', 'a\0', 10)).toThrow(expect.objectContaining({ code: 'invalid_text' }))
})

test('a length counts what people see, and bytes have an end of their own', () => {
  expect(nameFault('👨‍👩‍👧‍👦'.repeat(2), 3)).toBeUndefined()
  expect(nameFault('a'.repeat(10), 10)).toBeUndefined()
  expect(nameFault('a'.repeat(11), 10)).toBe('text_too_long')
  expect(nameFault(`Z${'\u0301'.repeat(50_000)}`, 255)).toBe('text_too_long')
})

test('prose holds anything that the database can', () => {
  expect(proseFault('<p>\u202etwo\n\u200blines\u0007</p>', 100)).toBeUndefined()
  expect(proseFault('a\0b', 100)).toBe('invalid_text')
  expect(proseFault('a\udc00b', 100)).toBe('invalid_text')
  expect(proseFault('é'.repeat(51), 100)).toBe('text_too_long')
})

test.skipIf(!existsSync(VECTORS))('each naughty string is refused or kept as it is but for its normal form', () => {
  const strings = JSON.parse(readFileSync(VECTORS, 'utf8')) as string[]
  const kept = strings.filter((text) => nameFault(text, 10_000) === undefined)
  for (const text of kept) expect(requireName('/title', text, 10_000)).toBe(text.normalize('NFC'))
  expect(kept.length).toBeGreaterThan(400)
  expect(strings.length - kept.length).toBeGreaterThan(5)
})
