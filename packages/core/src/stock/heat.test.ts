import { describe, expect, it } from 'vitest'
import { buyerComes, claimBegins, hotVariants } from './heat.ts'

const line = (variantId: string) => [{ variantId, quantity: 1n }]
const claimOnce = (merchant: string, variantId: string) => claimBegins(merchant, line(variantId))()

describe('goods are hot', () => {
  it('when several claims of them are under way at once', () => {
    const over = Array.from({ length: 4 }, () => claimBegins('at-once', line('wanted')))
    expect(hotVariants('at-once')).toEqual(['wanted'])
    for (const end of over) end()
  })

  it('when almost all of a crowd want them, though one is let in at a time', () => {
    const gone = Array.from({ length: 4 }, () => buyerComes('few-places'))
    for (const variantId of ['other', 'wanted', 'wanted', 'other', 'wanted', 'wanted', 'wanted']) claimOnce('few-places', variantId)
    expect(hotVariants('few-places')).toEqual([])
    claimOnce('few-places', 'wanted')
    expect(hotVariants('few-places')).toEqual(['wanted'])
    for (const end of gone) end()
  })

  it('not when a few buyers come, nor when a crowd wants many things', () => {
    const gone = Array.from({ length: 3 }, () => buyerComes('quiet'))
    for (let n = 0; n < 20; n++) claimOnce('quiet', 'wanted')
    expect(hotVariants('quiet')).toEqual([])
    const others = Array.from({ length: 30 }, () => buyerComes('quiet'))
    for (let n = 0; n < 40; n++) claimOnce('quiet', `good-${n % 2}`)
    expect(hotVariants('quiet')).toEqual([])
    for (const end of [...gone, ...others]) end()
  })
})
