import { describe, expect, it } from 'vitest'
import { readCharged } from './read-charged.ts'
import { type Refund, refundShares } from './refund-shares.ts'
import { storePricing } from './stored-form.ts'
import { cartOf, line, PARCEL, priceIn, promotion } from './testing/shop.ts'

const tenOff = promotion({ name: 'Ten off', actions: [{ type: 'fixed', on: 'order', amount: 1000, where: null }] })
const priced = priceIn(
  { promotions: [tenOff], taxes: { default_rate_ppm: 190_000 } },
  cartOf([line('mug', 10_000, 3), line('pen', 100)], { shipping: { method: PARCEL } }),
)
const pieces = (quantity: bigint, lineId = 'mug'): Refund => ({ lines: [{ lineId, quantity }], shipping: 0n })

describe('a refund', () => {
  it('of one piece gives back its part of price, discount and tax', () => {
    const refund = refundShares(priced, pieces(1n))
    // 300.00 - 9.97 + 55.11 tax; a third of it, and the first third is rounded up.
    expect(refund.lines[0]).toEqual({
      lineId: 'mug',
      quantity: 1n,
      amount: 11_505n,
      tax: 1_837n,
      parts: [
        { source: 'promotion', code: tenOff.id, reason: 'Ten off', amount: -332n, included: false },
        { source: 'tax', code: 'tax', reason: 'Tax', amount: 1_837n, included: false },
      ],
    })
    expect([refund.amount, refund.tax]).toEqual([11_505n, 1_837n])
  })

  it('of all pieces, one after the other, gives back what was paid', () => {
    const amounts = [0n, 1n, 2n].map((before) => refundShares(priced, pieces(1n), pieces(before)).amount)
    expect(amounts.reduce((sum, amount) => sum + amount, 0n)).toBe(priced.lines[0]!.total)
    expect(refundShares(priced, pieces(3n)).amount).toBe(priced.lines[0]!.total)
  })

  it('of shipping gives back any part of it, with its tax', () => {
    const { total } = priced.shipping!
    const half = refundShares(priced, { lines: [], shipping: 300n })
    expect(half).toMatchObject({ amount: 300n, shipping: { amount: 300n, tax: 48n } })
    const rest = refundShares(priced, { lines: [], shipping: total - 300n }, { lines: [], shipping: 300n })
    expect(half.amount + rest.amount).toBe(total)
    expect(half.tax + rest.tax).toBe(priced.shipping!.tax)
  })

  it('refuses more than is left', () => {
    const refused = (refund: Refund, before?: Refund) => () => refundShares(priced, refund, before)
    expect(refused(pieces(4n))).toThrow(expect.objectContaining({ code: 'quantity_out_of_range' }))
    expect(refused(pieces(1n), pieces(3n))).toThrow(expect.objectContaining({ code: 'quantity_out_of_range' }))
    expect(refused(pieces(-1n), pieces(3n))).toThrow(expect.objectContaining({ code: 'quantity_out_of_range' }))
    expect(refused(pieces(1n, 'nowhere'))).toThrow(
      expect.objectContaining({
        code: 'not_found',
        details: expect.objectContaining({ errors: [{ pointer: '/lines/0/lineId', code: 'not_found' }] }),
      }),
    )
    expect(refused({ lines: [], shipping: priced.shipping!.total + 1n })).toThrow(expect.objectContaining({ code: 'amount_out_of_range' }))
    expect(refused({ lines: [], shipping: -1n })).toThrow(expect.objectContaining({ code: 'amount_out_of_range' }))
  })

  it('works from what was stored with the order', () => {
    const charged = readCharged(JSON.parse(storePricing(priced)))
    expect(refundShares(charged, pieces(2n))).toEqual(refundShares(priced, pieces(2n)))
  })

  it('works from results of the first version, which told the price of shipping in an adjustment only', () => {
    const { shipping: _shipping, ...old } = priced
    const charged = readCharged(JSON.parse(storePricing(old)))
    expect(charged.shipping!.total).toBe(priced.shipping!.total)
  })
})
