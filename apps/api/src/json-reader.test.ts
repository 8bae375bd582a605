import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Problem } from './errors.ts'
import { JSON_DEPTH_MAX, JSON_KEYS_MAX, readJson } from './json-reader.ts'

const VECTORS = new URL('../../../../shared/data/vectors/json_parsing.json', import.meta.url)

interface Vector {
  name: string
  bytes_base64: string | null
  repeat?: { unit: string; times: number; suffix: string }
}

function read(text: string) {
  return readJson(Buffer.from(text))
}

function codeOf(text: string | Buffer): string {
  try {
    readJson(typeof text === 'string' ? Buffer.from(text) : text)
    return 'read'
  } catch (error) {
    if (error instanceof Problem) return error.code
    throw error
  }
}

describe('reading JSON', () => {
  it('reads what JSON.parse reads, whatever it is', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const value: unknown = JSON.parse(text)
        const twice = codeOf(text)
        // The generator repeats no key, but it may reach for a prototype.
        if (twice === 'invalid_json') expect(text).toContain('__proto__')
        else expect(read(text).value).toEqual(value)
      }),
    )
  })

  it('agrees with JSON.parse on what is no JSON', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.string({ maxLength: 2 }), (text, at, noise) => {
        const broken = text.slice(0, at % (text.length + 1)) + noise + text.slice(at % (text.length + 1))
        const parses = (() => {
          try {
            JSON.parse(broken)
            return true
          } catch {
            return false
          }
        })()
        if (!parses) expect(codeOf(broken)).not.toBe('read')
      }),
    )
  })

  it.each([
    ['a key twice', '{"a":1,"b":2,"a":3}', 'duplicate_key'],
    ['a key twice in two spellings', String.raw`{"a":1,"\u0061":2}`, 'duplicate_key'],
    ['a key twice further in', '{"x":[{"y":{"k":1,"k":1}}]}', 'duplicate_key'],
    ['__proto__', '{"__proto__":{"admin":true}}', 'invalid_json'],
    ['__proto__ in another spelling', String.raw`{"a":[{"\u005f_proto__":1}]}`, 'invalid_json'],
    ['constructor.prototype', '{"constructor":{"prototype":{"admin":true}}}', 'invalid_json'],
    ['a number no double holds', '{"a":1e400}', 'invalid_json'],
    ['a byte order mark', '\ufeff{"a":1}', 'invalid_json'],
    ['a comma too many', '{"a":1,}', 'invalid_json'],
    ['a comment', '{"a":1}/* */', 'invalid_json'],
    ['NaN', '{"a":NaN}', 'invalid_json'],
    ['nothing', '', 'invalid_json'],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'invalid_json'],
    ['deep nesting', '['.repeat(JSON_DEPTH_MAX + 1) + ']'.repeat(JSON_DEPTH_MAX + 1), 'json_too_deep'],
    ['a nesting of 400,000 that never ends', '['.repeat(400_000), 'json_too_deep'],
    ['too many keys', `{${Array.from({ length: JSON_KEYS_MAX + 1 }, (_, n) => `"k${n}":1`).join(',')}}`, 'json_too_many_keys'],
  ])('refuses %s', (_name, text, code) => {
    expect(codeOf(text)).toBe(code)
  })

  it.each([
    ['the deepest nesting', '['.repeat(JSON_DEPTH_MAX) + ']'.repeat(JSON_DEPTH_MAX)],
    ['the most keys', `{${Array.from({ length: JSON_KEYS_MAX }, (_, n) => `"k${n}":1`).join(',')}}`],
    ['the same key in two objects', '[{"a":1},{"a":1}]'],
    ['a value that looks like a key', '{"a":"a","b":["a","a"]}'],
    ['the word constructor', '{"constructor":"Mason & Sons","prototype":1}'],
    ['quotes and backslashes in text', String.raw`{"a\\":"\\\"","b":"\\"}`],
  ])('takes %s', (_name, text) => {
    expect(read(text)).toEqual({ value: JSON.parse(text), oddNumbers: [] })
  })

  it('points at numbers in an odd spelling', () => {
    const { oddNumbers } = read('{"a":1.0,"b":[1,-0,{"c/d":1E2}],"e":0,"f":-5,"g":10.5,"h":"1.0"}')
    expect(oddNumbers).toEqual([
      { pointer: '/a', text: '1.0' },
      { pointer: '/b/1', text: '-0' },
      { pointer: '/b/2/c~1d', text: '1E2' },
    ])
  })

  it.skipIf(!existsSync(VECTORS))('passes the JSON parsing suite', () => {
    const vectors = JSON.parse(readFileSync(VECTORS, 'utf8')) as Vector[]
    expect(vectors.length).toBeGreaterThan(200)
    for (const { name, bytes_base64: encoded, repeat } of vectors) {
      const bytes = repeat ? Buffer.from(repeat.unit.repeat(repeat.times) + repeat.suffix) : Buffer.from(encoded ?? '', 'base64')
      // An exception that is not a Problem would be a 500.
      const code = codeOf(bytes)
      if (name.startsWith('n_')) expect(code, name).not.toBe('read')
      // The grammar allows a key twice; we do not.
      if (name.startsWith('y_')) expect(code, name).toBe(name.includes('duplicated_key') ? 'duplicate_key' : 'read')
    }
  })
})
