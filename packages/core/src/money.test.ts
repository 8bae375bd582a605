import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allocate, currencyDigits, divideHalfUp, formatDecimal, parseDecimal } from './money.ts'

describe('currencyDigits', () => {
  it.each([
    ['EUR', 2],
    ['JPY', 0],
    ['KWD', 3],
    ['IQD', 3],
    ['HUF', 2],
    ['ISK', 0],
  ])('follows ISO 4217 for %s', (currency, digits) => {
    expect(currencyDigits(currency)).toBe(digits)
  })

  it.each(['eur', 'XXX', 'XTS', 'XAU', 'DEM', 'ABC', ''])('refuses %j', (currency) => {
    expect(() => currencyDigits(currency)).toThrow(expect.objectContaining({ code: 'currency_unsupported' }))
  })
})

describe('parseDecimal', () => {
  it.each([
    ['10.50', 2, 1050n],
    ['10.5', 2, 1050n],
    ['0.07', 2, 7n],
    ['1200', 0, 1200n],
    ['1200.00', 0, 1200n],
    ['-3.1', 2, -310n],
    ['1.2345', 3, undefined],
    ['1e3', 2, undefined],
    ['1,50', 2, undefined],
    ['.5', 2, undefined],
    ['', 2, undefined],
    ['12.50', 0, undefined],
  ])('reads %j with %i digits as %s', (text, digits, amount) => {
    expect(parseDecimal(text, digits)).toBe(amount)
  })

  it('is the inverse of formatDecimal', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }), fc.integer({ min: 0, max: 4 }), (amount, digits) => {
        expect(parseDecimal(formatDecimal(amount, digits), digits)).toBe(amount)
      }),
    )
  })
})

describe('allocate', () => {
  it('gives what is left to the largest remainders, the earlier first', () => {
    expect(allocate(100n, [1n, 1n, 1n])).toEqual([34n, 33n, 33n])
    expect(allocate(-100n, [1n, 1n, 1n])).toEqual([-34n, -33n, -33n])
    expect(allocate(5n, [0n, 0n])).toEqual([3n, 2n])
  })

  it('adds up exactly and never strays a whole unit from the ideal', () => {
    const weights = fc.array(fc.bigInt({ min: 0n, max: 10n ** 9n }), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 12n }), weights, (amount, parts) => {
        const shares = allocate(amount, parts)
        const sum = parts.reduce((total, part) => total + part, 0n)
        expect(shares.reduce((total, share) => total + share, 0n)).toBe(amount)
        if (sum === 0n) return
        for (const [index, share] of shares.entries()) {
          const distance = share * sum - amount * parts[index]!
          expect(distance < sum && distance > -sum).toBe(true)
        }
      }),
    )
  })
})

describe('allocate, asked for nonsense', () => {
  it('refuses a negative weight', () => {
    expect(() => allocate(100n, [-1n, 2n])).toThrow('negative')
  })
})

describe('divideHalfUp', () => {
  it.each([
    [5n, 10n, 1n],
    [4n, 10n, 0n],
    [-5n, 10n, -1n],
    [15n, 10n, 2n],
    [0n, 7n, 0n],
  ])('%s / %s = %s', (numerator, denominator, quotient) => {
    expect(divideHalfUp(numerator, denominator)).toBe(quotient)
  })
})
