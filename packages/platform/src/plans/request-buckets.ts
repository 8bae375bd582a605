import type { PlatformSql } from '../platform-sql.ts'

export interface RequestRate {
  per_second: number
  burst: number
}

/** What came of asking for some: how many were given, when there is one again if none was, and what is left for all processes. */
export interface TakenRequests {
  granted: number
  waitMs: number
  remaining: number
}

/** Where all processes count the requests of a merchant together. By one clock, and one caller after the other. */
export interface RequestBuckets {
  take(merchantId: string, rate: RequestRate, wanted: number): Promise<TakenRequests>
}

/** The buckets as rows of the directory. */
export function directoryBuckets(sql: PlatformSql): RequestBuckets {
  return {
    async take(merchantId, { per_second, burst }, wanted) {
      const [taken] = await sql<TakenRequests[]>`
        select granted, wait_ms as "waitMs", remaining from platform.take_requests(${merchantId}, ${per_second}, ${burst}, ${wanted})`
      return taken!
    },
  }
}
