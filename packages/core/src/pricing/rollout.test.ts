import { expect, it } from 'vitest'
import { ROLLOUT_BUCKETS, rolloutBucket } from './rollout.ts'

const PROMOTION = '0198c0de-0000-7000-8000-000000000001'
const buyers = Array.from({ length: 20_000 }, (_, index) => `0198c0de-0000-7000-8000-${index.toString(16).padStart(12, '0')}`)

it('puts a buyer in the same place every time', () => {
  expect(rolloutBucket(PROMOTION, 'buyer')).toBe(rolloutBucket(PROMOTION, 'buyer'))
})

it('spreads buyers evenly, even those whose ids follow each other', () => {
  const tenths = Array<number>(10).fill(0)
  for (const buyer of buyers) tenths[Math.floor((rolloutBucket(PROMOTION, buyer) * 10) / ROLLOUT_BUCKETS)]! += 1
  for (const count of tenths) expect(Math.abs(count - 2000)).toBeLessThan(200)
})

it('puts the same buyers elsewhere for another promotion', () => {
  const inBoth = buyers.filter((buyer) => rolloutBucket(PROMOTION, buyer) < 100_000 && rolloutBucket('another', buyer) < 100_000)
  expect(Math.abs(inBoth.length - 200)).toBeLessThan(60)
})
