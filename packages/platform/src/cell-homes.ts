import { askCell } from './ask-cell.ts'
import type { CellFinding } from './cell-checks.ts'
import type { PlatformSql } from './platform-sql.ts'

/** Where the directory has a merchant. Each switch of a move has a later epoch: a merchant is at home in one database at most. */
export interface Home {
  merchantId: string
  slug: string
  cell: string
  epoch: string
  /** No move, erasure or restore of the merchant is under way, and it is open. */
  settled: boolean
}

const NAMED_MAX = 3

export function readHomes(directory: PlatformSql): Promise<Home[]> {
  return directory<Home[]>`
    select h.merchant_id as "merchantId", m.slug, h.cell, h.epoch::text,
      m.status = 'active'
        and not exists (select from platform.move v where v.merchant_id = h.merchant_id and v.state not in ('done', 'aborted', 'rolled_back'))
        and not exists (select from platform.merchant_work w where w.merchant_id = h.merchant_id and w.state not in ('done', 'failed')) as settled
    from platform.home h join platform.merchant m on m.id = h.merchant_id order by m.slug`
}

/**
 * Whether a cell's database agrees with the directory about who lives there. One that would serve merchants of another cell is a copy, or
 * was restored to before they moved: its jobs would send their mails a second time. `homes` are all merchants'.
 */
export async function homesFinding(url: string, cell: string, homes: readonly Home[]): Promise<CellFinding> {
  let served: Map<string, string>
  try {
    served = await servedOf(url, homes)
  } catch (error) {
    const code = (error as { code?: string }).code ?? 'unknown'
    return { check: 'homes', outcome: 'warning', detail: `Whom it serves could not be asked: ${code}` }
  }
  const doubled = homes.filter((home) => home.cell !== cell && served.has(home.merchantId))
  const absent = homes.filter((home) => home.cell === cell && home.settled && served.get(home.merchantId) !== home.epoch)
  if (doubled.length > 0) {
    const from = [...new Set(doubled.map((home) => home.cell))].join(', ')
    const detail = `${named(doubled)} would be served here, but the directory has them in ${from}: this is a copy of that database, or was restored to before they moved. A copy that replaces it needs its name.`
    return { check: 'homes', outcome: 'failed', detail }
  }
  if (absent.length > 0) {
    const detail = `${named(absent)} live here by the directory, but are not let in by this database: was it restored to before they came?`
    return { check: 'homes', outcome: 'warning', detail }
  }
  return { check: 'homes', outcome: 'passed', detail: 'It serves those whom the directory has here, and nobody else.' }
}

/** At which epoch the database would serve each of the merchants whom it would serve: that of the directory, or one from before a move. */
async function servedOf(url: string, homes: readonly Home[]): Promise<Map<string, string>> {
  const [ids, epochs] = [homes.map(({ merchantId }) => merchantId), homes.map(({ epoch }) => epoch)]
  const rows = await askCell(
    url,
    (sql) => sql<{ id: string; epoch: string }[]>`
      select h.id, e.epoch::text from unnest(${ids}::uuid[], ${epochs}::bigint[]) as h (id, epoch), generate_series(1, h.epoch) as e (epoch)
      where tenancy.is_home(h.id, e.epoch)`,
  )
  return new Map(rows.map(({ id, epoch }) => [id, epoch]))
}

function named(homes: readonly Home[]): string {
  const slugs = homes.slice(0, NAMED_MAX).map(({ slug }) => slug)
  const more = homes.length - slugs.length
  return more > 0 ? `${slugs.join(', ')} and ${more} more` : slugs.join(', ')
}
