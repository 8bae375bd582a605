import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BookedMovement, compareBooks } from './compare.ts'
import type { StatementLine } from './statement.ts'

const period = { from: new Date('2026-11-20T00:00:00Z'), until: new Date('2026-11-21T00:00:00Z') }
const noon = new Date('2026-11-20T12:00:00Z')
const before = new Date('2026-11-19T23:59:59Z')

const line = (given: Partial<StatementLine> = {}): StatementLine => ({
  kind: 'capture',
  paymentId: 'one',
  reference: 'at-provider',
  amount: 100n,
  currency: 'EUR',
  at: noon,
  ...given,
})
const booked = (given: Partial<BookedMovement> = {}): BookedMovement => ({
  kind: 'capture',
  paymentId: 'one',
  amount: 100n,
  currency: 'EUR',
  at: noon,
  ...given,
})
const compare = (movements: BookedMovement[], lines: StatementLine[], underWay: string[] = []) => {
  const known = ['one', 'two', ...underWay]
  const payments = new Map(known.map((id) => [id, { underWay: underWay.includes(id) }]))
  return compareBooks({ movements, payments }, lines, period)
}
const kinds = (...given: Parameters<typeof compare>) => compare(...given).map(({ kind }) => kind)

describe('our books and the provider’s', () => {
  it('agree when each movement has its like, also just over the edge of the period', () => {
    expect(compare([booked(), booked({ kind: 'refund', amount: 30n })], [line({ kind: 'refund', amount: 30n }), line()])).toEqual([])
    expect(compare([booked({ at: noon })], [line({ at: before })])).toEqual([])
    expect(compare([booked({ at: before })], [line({ at: noon })])).toEqual([])
  })

  it('differ by what only the provider has', () => {
    expect(compare([], [line()])).toEqual([
      {
        kind: 'missing_in_books',
        movement: 'capture',
        paymentId: 'one',
        reference: 'at-provider',
        ours: null,
        theirs: { amount: 100n, currency: 'EUR' },
        at: noon,
      },
    ])
  })

  it('differ by what only we have', () => {
    expect(compare([booked()], [])).toEqual([
      {
        kind: 'missing_at_provider',
        movement: 'capture',
        paymentId: 'one',
        reference: null,
        ours: { amount: 100n, currency: 'EUR' },
        theirs: null,
        at: noon,
      },
    ])
  })

  it('differ by amount, by currency, and by payments that were never ours', () => {
    expect(kinds([booked()], [line({ amount: 99n })])).toEqual(['amount_differs'])
    expect(kinds([booked()], [line({ currency: 'USD' })])).toEqual(['currency_differs'])
    expect(kinds([], [line({ paymentId: 'nobody`s' }), line({ paymentId: null })])).toEqual(['unknown_payment', 'unknown_payment'])
  })

  it('differ when something was charged twice', () => {
    expect(kinds([booked()], [line(), line()])).toEqual(['missing_in_books'])
  })

  it('do not differ by what is under way, is not of the period, or was taken by mistake and given back', () => {
    expect(kinds([], [line({ paymentId: 'three' })], ['three'])).toEqual([])
    expect(kinds([booked({ at: before, paymentId: 'two' })], [line({ at: before })])).toEqual([])
    expect(kinds([], [line(), line({ kind: 'refund' })])).toEqual([])
    expect(kinds([], [line(), line({ kind: 'refund', amount: 99n })])).toEqual(['missing_in_books', 'missing_in_books'])
  })

  it('differ exactly by what was taken out of one of them, in whatever order they come', () => {
    const movement = fc.record({
      kind: fc.constantFrom('capture' as const, 'refund' as const),
      paymentId: fc.constantFrom('one', 'two'),
      amount: fc.bigInt(1n, 5n),
    })
    fc.assert(
      fc.property(fc.array(movement, { minLength: 1, maxLength: 12 }), fc.nat(), fc.func(fc.integer()), (movements, at, order) => {
        const lines = movements.map((one) => line(one)).sort((a, b) => order(a.reference, a.amount) - order(b.reference, b.amount))
        const ours = movements.map((one) => booked(one))
        expect(compare(ours, lines)).toEqual([])
        const [gone] = ours.splice(at % ours.length, 1)
        expect(compare(ours, lines)).toMatchObject([
          { kind: 'missing_in_books', movement: gone!.kind, paymentId: gone!.paymentId, theirs: { amount: gone!.amount } },
        ])
      }),
    )
  })
})
