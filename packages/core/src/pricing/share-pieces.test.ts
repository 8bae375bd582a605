import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type EqualPieces, sharePieces } from './share-pieces.ts'
import { shareWithin } from './spread.ts'

const taken = (amount: bigint, kinds: EqualPieces[]) =>
  sharePieces(amount, kinds).map((shares) => shares.map(({ count, off }) => `${count}x${off}`))

describe('sharing among pieces', () => {
  it('gives what is left over to the largest remainders, the earlier first', () => {
    expect(taken(20n, [{ count: 3n, weight: 2_000n, room: 2_000n }])).toEqual([['2x7', '1x6']])
    expect(
      taken(5n, [
        { count: 1n, weight: 1n, room: 9n },
        { count: 2n, weight: 3n, room: 9n },
      ]),
    ).toEqual([['1x1'], ['2x2']])
    expect(
      taken(4n, [
        { count: 1n, weight: 1n, room: 9n },
        { count: 2n, weight: 1n, room: 9n },
      ]),
    ).toEqual([['1x2'], ['2x1']])
  })

  it('lets the others take what does not fit', () => {
    expect(
      taken(5n, [
        { count: 1n, weight: 10n, room: 2n },
        { count: 1n, weight: 10n, room: 9n },
      ]),
    ).toEqual([['1x2'], ['1x3']])
    expect(
      taken(50n, [
        { count: 2n, weight: 10n, room: 3n },
        { count: 1n, weight: 10n, room: 9n },
      ]),
    ).toEqual([['2x3'], ['1x9']])
    expect(taken(0n, [{ count: 2n, weight: 10n, room: 3n }])).toEqual([['2x0']])
  })

  it('is sharing among as many takers, told by kinds', () => {
    const kind = fc.record({ count: fc.bigInt({ min: 1n, max: 5n }), weight: fc.bigInt({ min: 0n, max: 40n }), part: fc.nat({ max: 100 }) })
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 500n }), fc.array(kind, { minLength: 1, maxLength: 5 }), (amount, drawn) => {
        const kinds = drawn.map(({ count, weight, part }) => ({ count, weight, room: (weight * BigInt(part)) / 100n }))
        const shares = sharePieces(amount, kinds)
        const single = shareWithin(
          amount,
          kinds.flatMap(({ count, weight, room }) => Array<{ weight: bigint; room: bigint }>(Number(count)).fill({ weight, room })),
        )
        expect(shares.flat().flatMap(({ count, off }) => Array<bigint>(Number(count)).fill(off))).toEqual(single)
        for (const [index, { count, room }] of kinds.entries()) {
          expect(shares[index]!.reduce((sum, share) => sum + share.count, 0n)).toBe(count)
          for (const { off } of shares[index]!) expect(off >= 0n && off <= room).toBe(true)
        }
        const room = kinds.reduce((sum, each) => sum + each.room * each.count, 0n)
        expect(single.reduce((sum, share) => sum + share, 0n)).toBe([amount, room].sort((a, b) => Number(a - b))[0])
      }),
      { numRuns: 500 },
    )
  })
})
