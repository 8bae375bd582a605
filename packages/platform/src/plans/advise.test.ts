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
})
const said = (cells: AdvisedCell[], merchants: MerchantLoad[], days = 1) =>
  advise({ cells, merchants, days }).map(({ slug, fromCell, toCell, reason }) => [slug, fromCell, toCell, reason])

describe('the advisor', () => {
  it('says nothing where all is quiet, however uneven it is', () => {
    expect(said([shared('a'), shared('b')], [merchant('busy', 'a', 1), merchant('idle', 'a', 0)])).toEqual([])
  })

  it('finds a place for everybody in a cell that is being drained, the emptiest shared one each time', () => {
    const cells = [shared('old', 'draining'), shared('a'), shared('b'), dedicated('big')]
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

  it('looks at a day, whatever the number of days', () => {
    const merchants = [merchant('whale', 'a', 2), merchant('shrimp', 'a', 1)]
    expect(said([shared('a')], merchants)).toHaveLength(1)
    expect(said([shared('a')], merchants, 7)).toEqual([])
  })
})
