import type postgres from 'postgres'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { HeldMove, MoveLost, type MoverMove } from './held-move.ts'

// Never asked here: a lease is renewed only after a second.
const directory = null as unknown as postgres.Sql

let stopping: AbortController
let held: HeldMove | undefined

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  stopping = new AbortController()
})
afterEach(() => {
  held?.stop()
  vi.useRealTimers()
})

function holding(workShare: number): HeldMove {
  held = new HeldMove(directory, 'owner', {} as MoverMove, stopping.signal, workShare)
  return held
}

/** How long a rest after so much work takes, by the clock that only this test moves. */
async function restsFor(move: HeldMove, workedMs: number): Promise<number> {
  const from = performance.now()
  let isOver = false
  void move.rest(workedMs).then(() => {
    isOver = true
  })
  for (let ms = 0; ms < 5_000; ms++) {
    await vi.advanceTimersByTimeAsync(0)
    if (isOver) break
    await vi.advanceTimersByTimeAsync(1)
  }
  expect(isOver).toBe(true)
  return performance.now() - from
}

describe('long work of a move', () => {
  test('rests as long as its share says, and not at all with all of the time', async () => {
    expect(await restsFor(holding(0.25), 40)).toBe(120)
    expect(await restsFor(holding(0.5), 40)).toBe(40)
    expect(await restsFor(holding(1), 40)).toBe(0)
  })

  test('does fewer things at once the smaller its share, and never none', () => {
    const atOnce = [1, 0.5, 0.1, 0.01].map((share) => {
      const move = holding(share)
      move.stop()
      return move.portion(8)
    })
    expect(atOnce).toEqual([8, 4, 1, 1])
  })

  test('saves up rests that are too short to be worth it', async () => {
    const move = holding(0.25)
    expect(await restsFor(move, 3)).toBe(0)
    expect(await restsFor(move, 3)).toBe(18)
    expect(await restsFor(move, 1)).toBe(0)
  })

  test('rests for a second at most, so that one long statement does not stop a move', async () => {
    expect(await restsFor(holding(0.1), 60_000)).toBe(1_000)
  })

  test('answers what the work answered, and rests after it', async () => {
    const move = holding(0.5)
    const work = async () => {
      await vi.advanceTimersByTimeAsync(30)
      return 'done'
    }
    const piece = move.piece(work)
    await vi.advanceTimersByTimeAsync(29)
    await vi.advanceTimersByTimeAsync(31)
    expect(await piece).toBe('done')
  })

  test('ends after a rest when the process ends meanwhile', async () => {
    const resting = holding(0.5).rest(40)
    stopping.abort()
    const failure = expect(resting).rejects.toBeInstanceOf(MoveLost)
    await vi.advanceTimersByTimeAsync(40)
    await failure
  })
})
