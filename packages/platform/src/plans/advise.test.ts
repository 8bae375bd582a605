import { describe, expect, it } from 'vitest'
import { type AdvisedCell, advise, type MerchantLoad } from './advise.ts'

const HOUR_MS = 3_600_000
const shared = (name: string, status: AdvisedCell['status'] = 'open'): AdvisedCell => ({ name, kind: 'shared', status })
const dedicated = (name: string): AdvisedCell => ({ name, kind: 'dedicated', status: 'open' })
const merchant = (slug: string, cell: string, hours: number, rowsStored: number | null = null): MerchantLoad => ({
  merchantId: `id-${slug}`,
  slug,
  cell,
  databaseMs: hours * HOUR_MS,
  rowsStored,
  movedLately: false,
})
const said = (cells: AdvisedCell[], merchants: MerchantLoad[], days = 1) =>
  advise({ cells, merchants, days }).map(({ slug, fromCell, toCell, reason }) => [slug, fromCell, toCell, reason])

describe('the advisor', () => {
  it('says nothing where all is quiet, however uneven it is', () => {
    expect(said([shared('a'), shared('b')], [merchant('busy', 'a', 1), merchant('idle', 'a', 0)])).toEqual([])
  })

  it('finds a place for everybody in a cell that is being drained, the emptiest shared one each time', () => {
    const cells = [shared('old', 'draining'), shared('a'), shared('b')]
    const merchants = [merchant('x', 'old', 5), merchant('y', 'old', 3), merchant('z', 'old', 1), merchant('w', 'b', 1)]
    expect(said(cells, merchants)).toEqual([
      ['x', 'old', 'a', 'cell_draining'],
      ['y', 'old', 'b', 'cell_draining'],
      ['z', 'old', 'b', 'cell_draining'],
    ])
  })

  it('sends who has outgrown its neighbours to a free dedicated cell', () => {
    const merchants = [merchant('whale', 'a', 6), merchant('shrimp', 'a', 1), merchant('krill', 'a', 1), merchant('lord', 'big', 9)]
    expect(said([shared('a'), dedicated('big'), dedicated('free')], merchants)).toEqual([['whale', 'a', 'free', 'outgrown']])
    expect(advise({ cells: [shared('a'), dedicated('free')], merchants, days: 1 })[0]).toMatchObject({ shareOfCell: 0.75 })
  })

  it('says that a cell is missing when there is none that is free', () => {
    const merchants = [merchant('whale', 'a', 6), merchant('shrimp', 'a', 1)]
    expect(said([shared('a')], merchants)).toEqual([['whale', 'a', null, 'outgrown']])
  })

  it('leaves a merchant alone that has no neighbours to disturb', () => {
    expect(said([shared('a'), dedicated('free')], [merchant('whale', 'a', 9)])).toEqual([])
  })

  it('makes shared cells more even with the one move that does the most', () => {
    const merchants = [merchant('m4', 'a', 4), merchant('m3', 'a', 3), merchant('m2', 'a', 2), merchant('m1', 'b', 1)]
    expect(said([shared('a'), shared('b')], merchants)).toEqual([['m4', 'a', 'b', 'uneven']])
    expect(said([shared('a'), shared('b')], [...merchants, merchant('n2', 'b', 2), merchant('o2', 'b', 2)])).toEqual([])
  })

  it('moves the one with fewer rows of two that are alike, and says how many they are', () => {
    const merchants = [merchant('large', 'a', 2, 9_000), merchant('small', 'a', 2, 1_000), merchant('rest', 'a', 1)]
    expect(advise({ cells: [shared('a'), shared('b')], merchants, days: 1 })).toMatchObject([{ slug: 'small', rowsStored: 1_000 }])
  })

  it('sends who leaves a dedicated cell to another that is free, and so one who would outgrow the shared cells', () => {
    const cells = [
      { ...dedicated('old-big'), status: 'draining' as const },
      shared('old', 'draining'),
      shared('a'),
      dedicated('x'),
      dedicated('y'),
    ]
    const merchants = [merchant('lord', 'old-big', 1), merchant('whale', 'old', 9), merchant('shrimp', 'old', 1), merchant('rest', 'a', 2)]
    expect(said(cells, merchants)).toEqual([
      ['lord', 'old-big', 'x', 'cell_draining'],
      ['whale', 'old', 'y', 'cell_draining'],
      ['shrimp', 'old', 'a', 'cell_draining'],
    ])
    expect(said(cells.slice(0, 3), merchants)).toEqual([
      ['lord', 'old-big', 'a', 'cell_draining'],
      ['whale', 'old', 'a', 'cell_draining'],
      ['shrimp', 'old', 'a', 'cell_draining'],
    ])
  })

  it('makes cells more even by nobody who would go on to a cell of its own, nor by one that was moved lately', () => {
    const merchants = [
      merchant('m8', 'a', 8),
      merchant('m3', 'a', 3),
      merchant('m3b', 'a', 3),
      merchant('m3c', 'a', 3),
      merchant('m2', 'b', 2),
    ]
    expect(said([shared('a'), shared('b'), dedicated('free')], merchants)).toEqual([['m3', 'a', 'b', 'uneven']])
    const lately = merchants.map((one) => (one.slug === 'm3' ? { ...one, movedLately: true } : one))
    expect(said([shared('a'), shared('b'), dedicated('free')], lately)).toEqual([['m3b', 'a', 'b', 'uneven']])
  })

  it('moves few rows where that makes cells as even, nearly', () => {
    const merchants = [
      merchant('large', 'a', 5, 9_000_000),
      merchant('uncounted', 'a', 5),
      merchant('small', 'a', 4.5, 1_000),
      merchant('tiny', 'a', 0.5, 1),
      merchant('b1', 'b', 4),
    ]
    expect(said([shared('a'), shared('b')], merchants)).toEqual([['small', 'a', 'b', 'uneven']])
  })

  it('finds nobody to have outgrown its neighbours who uses little', () => {
    expect(said([shared('a'), dedicated('free')], [merchant('small', 'a', 2), merchant('smaller', 'a', 1)])).toEqual([])
  })

  it('comes to an end for two hundred merchants on three cells: nobody is moved twice, and then all is as even as it may be', () => {
    const cells = [shared('a'), shared('b'), shared('c'), dedicated('free')]
    // The busiest uses a fifth of all, the next half of that, a third, a quarter and so on; most of them live in one cell.
    const merchants = Array.from({ length: 200 }, (_, n) =>
      merchant(`m${n}`, n % 10 < 7 ? 'a' : n % 10 < 9 ? 'b' : 'c', 10 / (n + 1), (n * 7_919) % 100_000),
    )
    const moved: string[] = []
    for (let round = 0; round < 50; round++) {
      for (const { slug, toCell } of advise({ cells, merchants, days: 1 })) {
        if (toCell === null) continue
        moved.push(slug)
        const one = merchants.find((other) => other.slug === slug)!
        one.cell = toCell
      }
    }
    expect(moved).toHaveLength(new Set(moved).size)
    const hours = cells
      .slice(0, 3)
      .map(({ name }) => merchants.filter(({ cell }) => cell === name).reduce((sum, one) => sum + one.databaseMs, 0))
    expect(Math.max(...hours)).toBeLessThanOrEqual(2 * Math.min(...hours))
  })

  it('looks at a day, whatever the number of days', () => {
    const merchants = [merchant('whale', 'a', 3), merchant('shrimp', 'a', 1)]
    expect(said([shared('a')], merchants)).toHaveLength(1)
    expect(said([shared('a')], merchants, 7)).toEqual([])
  })
})
