import { expect, it } from 'vitest'
import { isRolledOut, rolloutBucket } from './rollout-bucket.ts'

const ID = '01970000-0000-7000-8000-000000000001'
const buyers = Array.from({ length: 20_000 }, (_, index) => `buyer-${index}`)

it('spreads buyers evenly, and differently for another promotion', () => {
  const inTenth = buyers.filter((buyer) => rolloutBucket(ID, buyer) < 100_000)
  expect(inTenth.length).toBeGreaterThan(1_850)
  expect(inTenth.length).toBeLessThan(2_150)
  const alsoElsewhere = inTenth.filter((buyer) => rolloutBucket('01970000-0000-7000-8000-000000000002', buyer) < 100_000)
  expect(alsoElsewhere.length).toBeLessThan(300)
})

it('keeps everybody in who was in when the share grows', () => {
  const at = (rollout_ppm: number) => buyers.filter((buyer) => isRolledOut({ id: ID, rollout_from_ppm: 0, rollout_ppm }, buyer))
  const [few, many] = [at(100_000), new Set(at(300_000))]
  expect(few.every((buyer) => many.has(buyer))).toBe(true)
  expect(at(0)).toEqual([])
  expect(at(1_000_000)).toHaveLength(buyers.length)
})

it('gives every buyer exactly one of two versions that share them', () => {
  const candidate = { id: ID, rollout_from_ppm: 0, rollout_ppm: 250_000 }
  const base = { id: ID, rollout_from_ppm: 250_000, rollout_ppm: 1_000_000 }
  expect(buyers.every((buyer) => isRolledOut(candidate, buyer) !== isRolledOut(base, buyer))).toBe(true)
})
