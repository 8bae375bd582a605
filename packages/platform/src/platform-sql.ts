import postgres from 'postgres'
import { tellCommits } from './told-commits.ts'

/** The directory database as souk_platform: the platform's own tables, and nothing of any merchant. */
export type PlatformSql = postgres.Sql<{ bigint: bigint }>

const CONNECTIONS_MAX = 4
const CONNECT_TIMEOUT_S = 5
const IDLE_TIMEOUT_S = 60

/**
 * Statements here are sent one by one, each a transaction of its own: what belongs together is one statement. The driver's
 * `begin` is for what the mover's functions change (moves.ts), and its log entry, for an erasure, which meets a move, for what is counted
 * before one more is added (domains.ts), and for dry runs.
 */
export function openPlatformSql(url: string): PlatformSql {
  return tellCommits(
    postgres(url, {
      max: CONNECTIONS_MAX,
      connect_timeout: CONNECT_TIMEOUT_S,
      idle_timeout: IDLE_TIMEOUT_S,
      onnotice: () => {},
      types: { bigint: postgres.BigInt },
      connection: { application_name: 'souk-platform' },
    }),
  )
}
