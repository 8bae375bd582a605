/**
 * Why the door could not be opened, or closed with certainty.
 * - `merchant_unknown`: the directory has no such merchant.
 * - `merchant_suspended`: known, but not served at present.
 * - `merchant_moving`: its home changed or is fenced, and no writable home was found within MOVE_WAIT_MS.
 * - `cell_busy`: all connections of the cell are taken and the queue is full or did not move in time.
 * - `cell_unavailable`: the cell's database, or the directory, did not answer; nothing was committed.
 * - `commit_unknown`: the connection was lost after COMMIT was sent; the outcome must be looked up, never assumed.
 */
export type DoorErrorCode =
  | 'merchant_unknown'
  | 'merchant_suspended'
  | 'merchant_moving'
  | 'cell_busy'
  | 'cell_unavailable'
  | 'commit_unknown'

export class DoorError extends Error {
  readonly code: DoorErrorCode

  constructor(code: DoorErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'DoorError'
    this.code = code
  }
}

// SQLSTATE classes of a server that goes away: 57P01-57P03 (shutdown, crash, starting up), 08xxx (connection), 53300 (too many);
// and of one that lets nobody in: 28xxx (password), 3D000 (no such database).
const LOST_CONNECTION = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  '28000',
  '28P01',
  '3D000',
  '53300',
  '57P01',
  '57P02',
  '57P03',
])

/** True when an error says that the connection, not the statement, failed. */
export function isLostConnection(error: unknown): boolean {
  const code = errorCode(error)
  return code !== undefined && (LOST_CONNECTION.has(code) || code.startsWith('08'))
}

/** The SQLSTATE or driver code of an error, if it has one. Drizzle wraps the driver's error as its cause. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  if (typeof code === 'string') return code
  return cause === undefined ? undefined : errorCode(cause)
}

/**
 * A writer met a publication that was being dropped, as at the end of anybody's move: PostgreSQL reads first which publications a table is in and
 * then each of them, and one that is gone by then is an internal error (XX000, RelationBuildPublicationDesc).
 */
export function metDroppedPublication(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  const { code, message, cause } = error as { code?: unknown; message?: unknown; cause?: unknown }
  if (code === 'XX000') return typeof message === 'string' && message.startsWith('cache lookup failed for publication')
  return metDroppedPublication(cause)
}
