import type postgres from 'postgres'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { HeldMove, type MoverMove } from './held-move.ts'
import { RowsAtOnce } from './rows-at-once.ts'

// Never asked here: a lease is renewed only after a second.
const directory = null as unknown as postgres.Sql

let held: HeldMove

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  held.stop()
  vi.useRealTimers()
})

/** How many rows each piece was asked for, of a table that has so many and takes so long for each. */
async function piecesOf(pieces: RowsAtOnce, rows: number, msPerRow: number): Promise<number[]> {
  const asked: number[] = []
  let left = rows
  for (let isLast = false; !isLast; ) {
    const piece = pieces.piece(async (atMost) => {
      asked.push(atMost)
      const count = Math.min(left, atMost)
      left -= count
      await vi.advanceTimersByTimeAsync(count * msPerRow)
      return { count }
    })
    await vi.advanceTimersByTimeAsync(100)
    ;({ isLast } = await piece)
  }
  return asked
}

function piecesWith(workShare: number): RowsAtOnce {
  held = new HeldMove(directory, 'owner', {} as MoverMove, new AbortController().signal, workShare)
  return new RowsAtOnce(held)
}

describe('rows at once', () => {
  test('become as many as take the time of a piece', async () => {
    expect(await piecesOf(piecesWith(1), 12_000, 0.005)).toEqual([1_000, 2_000, 4_000, 4_000, 4_000])
    held.stop()
    expect(await piecesOf(piecesWith(1), 3_000, 0.025)).toEqual([1_000, 800, 800, 800])
  })

  test('are neither so few that statements cost more than rows, nor more than memory likes', async () => {
    expect(await piecesOf(piecesWith(1), 2_100, 1)).toEqual([1_000, 500, 500, 500])
    held.stop()
    expect((await piecesOf(piecesWith(1), 50_000, 0.0001)).at(-1)).toBe(10_000)
  })

  test('are not others for the next table because this one had few', async () => {
    const pieces = piecesWith(1)
    expect(await piecesOf(pieces, 3, 0.01)).toEqual([1_000])
    expect(await piecesOf(pieces, 300, 1)).toEqual([1_000])
    expect(await piecesOf(pieces, 300, 1)).toEqual([1_000])
  })

  test('come to an end with a table whose last piece is a full one', async () => {
    expect(await piecesOf(piecesWith(1), 1_000, 0.02)).toEqual([1_000, 1_000])
  })

  test('rest after each piece', async () => {
    const rested = vi.spyOn(HeldMove.prototype, 'rest')
    await piecesOf(piecesWith(0.5), 1_500, 0.02)
    expect(rested.mock.calls).toEqual([[20], [10]])
    rested.mockRestore()
  })
})
