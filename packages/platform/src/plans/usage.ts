import type { PlatformSql } from '../platform-sql.ts'
import type { AdvisedCell, MerchantLoad } from './advise.ts'

/** What a merchant used on one day (UTC), as far as processes have told. */
export interface UsageDay {
  merchantId: string
  day: string
  requests: bigint
  refused: bigint
  databaseMs: bigint
  jobs: bigint
  jobMs: bigint
  pluginCpuMs: bigint
  rowsStored: bigint | null
}

/** The daily figures, for people and for the advisor. */
export class Usage {
  readonly #sql: PlatformSql

  constructor(sql: PlatformSql) {
    this.#sql = sql
  }

  /** The newest day first, after a given row; within a day by merchant. */
  async list(page: {
    since: string
    until: string
    merchantId: string | undefined
    after: { day: string; merchantId: string } | undefined
    limit: number
  }): Promise<UsageDay[]> {
    const { since, until, merchantId = null, after, limit } = page
    return this.#sql<UsageDay[]>`
      select merchant_id as "merchantId", day::text as day, requests, refused, database_ms as "databaseMs", jobs, job_ms as "jobMs",
        plugin_cpu_ms as "pluginCpuMs", rows_stored as "rowsStored"
      from platform.usage
      where day between ${since}::date and ${until}::date and (${merchantId}::uuid is null or merchant_id = ${merchantId}::uuid)
        and (${after?.day ?? null}::date is null or day < ${after?.day ?? null}::date
          or (day = ${after?.day ?? null}::date and merchant_id > ${after?.merchantId ?? null}::uuid))
      order by day desc, merchant_id limit ${limit}`
  }

  /** All cells, and what each merchant that has a home used in the last days; those that are being moved are left out. */
  async load(days: number, now: Date): Promise<{ cells: AdvisedCell[]; merchants: MerchantLoad[] }> {
    const [cells, merchants] = await Promise.all([
      this.#sql<AdvisedCell[]>`select name, kind, status from platform.cell order by name`,
      this.#sql<MerchantLoad[]>`
        select m.id as "merchantId", m.slug, h.cell, coalesce(sum(u.database_ms), 0)::float8 as "databaseMs",
          (array_agg(u.rows_stored order by u.day desc) filter (where u.rows_stored is not null))[1]::float8 as "rowsStored",
          exists (select from platform.move v where v.merchant_id = m.id and v.state in ('done', 'rolled_back')
            and v.state_since > ${now}::timestamptz - ${days}::int * interval '1 day') as "movedLately"
        from platform.merchant m join platform.home h on h.merchant_id = m.id
          left join platform.usage u on u.merchant_id = m.id and u.day > (${now}::timestamptz at time zone 'UTC')::date - ${days}::int
        where m.status in ('active', 'suspended') and not exists (
          select from platform.move v where v.merchant_id = m.id and v.state not in ('done', 'aborted', 'rolled_back'))
        group by m.id, m.slug, h.cell`,
    ])
    return { cells, merchants }
  }
}
