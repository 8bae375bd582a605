import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { COUPON_CODE_LENGTH_MAX, couponKey } from './coupon-code.ts'

const NAUGHTY = new URL('../../../../../shared/data/vectors/blns.json', import.meta.url)
const texts = fc.string({ unit: 'binary', maxLength: 80 })

describe('the normal form of a code', () => {
  it('is its own normal form, and within limits', () => {
    const check = (text: string) => {
      const key = couponKey(text)
      if (key === undefined) return
      expect(key.length).toBeGreaterThan(0)
      expect(key.length).toBeLessThanOrEqual(COUPON_CODE_LENGTH_MAX)
      expect(couponKey(key)).toBe(key)
    }
    fc.assert(fc.property(texts, check), { numRuns: 5_000 })
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'ßŉΐᾳǰΣςİıéⅷ①ﬁ０Ａ‑–— 1aZ'), maxLength: 20 }), check), { numRuns: 5_000 })
  })

  it('is the same whatever the case, and with white space anywhere', () => {
    const ascii = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_'), minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(ascii, (code) => {
        const key = couponKey(code)
        expect(couponKey(code.toLowerCase())).toBe(key)
        expect(couponKey([...` ${code} `].join(' \u00a0'))).toBe(key)
      }),
    )
  })

  it.skipIf(!existsSync(NAUGHTY))('is found, or there is none, for each naughty string', () => {
    const strings = JSON.parse(readFileSync(NAUGHTY, 'utf8')) as string[]
    const keys = strings.map(couponKey).filter((key) => key !== undefined)
    expect(keys.length).toBeGreaterThan(100)
    for (const key of keys) expect(key).toMatch(/^[\p{L}\p{M}\p{N}_.\-+%&!#@*$/]+$/u)
  })
})
