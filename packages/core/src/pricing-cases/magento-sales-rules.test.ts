import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readSalesRules, SALES_RULES } from './magento-sales-rules.ts'
import { type CaseLine, type CaseShop, priceCase } from './shop.ts'

const present = existsSync(SALES_RULES)

const TEE: CaseLine = { name: 'WS01', unitPrice: 2900n, quantity: 1, collections: ['tees-women'] }
const WATCH: CaseLine = { name: '24-WG01', unitPrice: 6000n, quantity: 1, collections: ['watches'] }
const BOTTLE: CaseLine = { name: '24-UG06', unitPrice: 700n, quantity: 1, collections: ['fitness-equipment'] }

describe.skipIf(!present)('the cart price rules of Magento`s sample data (skipped where ../shared/data is not there)', () => {
  it('gives the fourth tee shirt free, the cheapest of them', () => {
    const { priced } = buy({
      lines: [
        { ...TEE, quantity: 3 },
        { ...TEE, name: 'WS02', unitPrice: 2200n },
      ],
    })
    expect(priced.totals.discount - priced.totals.shippingDiscount).toBe(2200n)
    expect(buy({ lines: [{ ...TEE, quantity: 3 }] }).priced.totals).toMatchObject({ shippingDiscount: 500n, discount: 500n })
  })

  it('sends for nothing from 50 on', () => {
    expect(buy({ lines: [{ ...BOTTLE, unitPrice: 4999n }] }).priced.shipping).toMatchObject({ total: 500n })
    expect(buy({ lines: [{ ...BOTTLE, unitPrice: 5000n }] }).priced.shipping).toMatchObject({ total: 0n })
  })

  it('takes 20 percent off carts of 200, but not off watches nor off what is on sale', () => {
    const coat: CaseLine = { name: 'coat', unitPrice: 15000n, quantity: 1 }
    const { lines } = buy({ lines: [coat, WATCH, { ...coat, name: 'sale', compareAtPrice: 20000n }] })
    expect(lines.map(({ discount }) => discount)).toEqual([3000n, 0n, 0n])
    expect(buy({ lines: [{ ...coat, unitPrice: 19999n }] }).lines[0]!.discount).toBe(0n)
  })

  it('takes 70 percent off the bottle with its code, once per customer', () => {
    expect(buy({ lines: [BOTTLE, TEE], codes: ['H20'] }).lines.map(({ discount }) => discount)).toEqual([490n, 0n])
    expect(buy({ lines: [BOTTLE] }).lines[0]!.discount).toBe(0n)
    const again = buy({ lines: [BOTTLE], codes: ['H20'], usage: { [promotions()[3]!.name]: { usesLeftForCustomer: 0n } } })
    expect(again.lines[0]!.discount).toBe(0n)
  })
})

function promotions() {
  return readSalesRules(SALES_RULES)
}

function buy(shop: Pick<CaseShop, 'lines' | 'codes' | 'usage'>) {
  return priceCase({
    currency: 'USD',
    promotions: promotions(),
    shipping: { methods: [{ code: 'flat', name: 'Flat', rate: { type: 'flat', amount: 500 } }] },
    method: 'flat',
    ...shop,
  })
}
