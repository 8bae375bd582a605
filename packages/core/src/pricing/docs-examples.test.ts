import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { formatDecimal } from '../money.ts'
import { pricingPolicySchema } from './pricing-document.ts'
import { actionSchema } from './promotion-document.ts'
import { cartOf, line, PARCEL, priceIn, promotion } from './testing/shop.ts'

const page = readFileSync(new URL('../../../../docs/pricing.md', import.meta.url), 'utf8')
const examples = [...page.matchAll(/```json\n([\s\S]*?)```\n\n(.*)/g)].map(([, json, text]) => ({ action: JSON.parse(json!), text: text! }))
const cart = cartOf([line('mug', 800), line('shirt', 1999, 3)], { shipping: { method: PARCEL } })

describe('docs/pricing.md', () => {
  it.each(examples.filter(({ text }) => text.includes('Takes off')))('is right: $action.type $action.on, $text', ({ action, text }) => {
    const priced = priceIn({ promotions: [promotion({ actions: [action] })] }, cart)
    const taken = [
      ...priced.lines.map(({ id, discount }) => [id, discount] as const),
      ['shipping', priced.totals.shippingDiscount] as const,
    ]
    const words = taken.filter(([, amount]) => amount > 0n).map(([name, amount]) => `${name} ${formatDecimal(amount, 2)}`)
    expect(`Takes off: ${words.join(', ')}`).toBe(text.slice(text.indexOf('Takes off')))
  })

  it('has an example of every action', () => {
    const types = examples.map(({ action }) => actionSchema.parse(action).type)
    expect(new Set(types)).toEqual(new Set(actionSchema.options.map((option) => option.shape.type.value)))
  })

  it('names every policy', () => {
    for (const policy of Object.keys(pricingPolicySchema.shape)) expect(page).toMatch(new RegExp(`^\\| \`${policy}\` +\\|`, 'm'))
  })
})
