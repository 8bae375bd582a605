import { describe, expect, it } from 'vitest'
import { Bulkhead, BulkheadFull } from './bulkhead.ts'

const LONG_MS = 60_000
const limits = (places: number, queueLength = 10, waitMs = LONG_MS) => ({ places, queueLength, waitMs })

/** Enters and notes when it was let in. */
function comeIn(bulkhead: Bulkhead, inside: string[], name: string, begun = false, given = limits(1)): Promise<void> {
  return Promise.resolve(bulkhead.enter(given, begun)).then(() => void inside.push(name))
}

describe('a bulkhead', () => {
  it('lets in as many as there are places, and others in the order they came', async () => {
    const bulkhead = new Bulkhead()
    const inside: string[] = []
    expect(bulkhead.enter(limits(1), false)).toBeUndefined()
    const waiting = ['first', 'second'].map((name) => comeIn(bulkhead, inside, name))
    expect(bulkhead.load).toEqual({ taken: 1, waiting: 2 })
    bulkhead.leave(limits(1))
    await waiting[0]
    expect(inside).toEqual(['first'])
    bulkhead.leave(limits(1))
    await waiting[1]
    expect(inside).toEqual(['first', 'second'])
    bulkhead.leave(limits(1))
    expect(bulkhead.idle).toBe(true)
  })

  it('sends away who finds no room to wait, and who waited too long', async () => {
    const bulkhead = new Bulkhead()
    bulkhead.enter(limits(1), false)
    const late = bulkhead.enter(limits(1, 1, 0), false)
    expect(() => bulkhead.enter(limits(1, 1), false)).toThrow(BulkheadFull)
    await expect(late).rejects.toThrow(BulkheadFull)
    expect(bulkhead.load).toEqual({ taken: 1, waiting: 0 })
  })

  it('lets in who has begun before those who only come in, however many wait', async () => {
    const bulkhead = new Bulkhead()
    const inside: string[] = []
    bulkhead.enter(limits(1), false)
    const early = comeIn(bulkhead, inside, 'early', false, limits(1, 1))
    const begun = comeIn(bulkhead, inside, 'begun', true, limits(1, 1))
    bulkhead.leave(limits(1))
    await begun
    expect(inside).toEqual(['begun'])
    bulkhead.leave(limits(1))
    await early
  })

  it('takes more and fewer places as it goes', async () => {
    const bulkhead = new Bulkhead()
    const inside: string[] = []
    bulkhead.enter(limits(2), false)
    bulkhead.enter(limits(2), false)
    const waiting = ['a', 'b', 'c'].map((name) => comeIn(bulkhead, inside, name, false, limits(2)))
    bulkhead.leave(limits(1))
    expect(bulkhead.load).toEqual({ taken: 1, waiting: 3 })
    bulkhead.leave(limits(3))
    await Promise.all(waiting)
    expect(inside).toEqual(['a', 'b', 'c'])
  })
})
