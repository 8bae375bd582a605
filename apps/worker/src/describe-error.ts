import { Refusal } from '@souk/core/refusal.ts'
import { DoorError } from '@souk/tenant-router/door-error.ts'

const MESSAGE_LENGTH_MAX = 300
const CAUSES_MAX = 5

/** What PostgreSQL's drivers put on an error. Message, detail, query and parameters hold data; these do not. */
interface DatabaseError extends Error {
  code: string
  severity: string
  table_name?: string
  column_name?: string
  constraint_name?: string
  table?: string
  column?: string
  constraint?: string
}

/**
 * An error as one bounded line that may be logged and kept: no SQL, no parameters, no quoted values, no addresses. Of a
 * database's error it tells the SQLSTATE and the names involved; where it happened is told by the first line of ours.
 */
export function describeError(error: unknown): string {
  const cause = rootOf(error)
  const place = placeOf(cause) ?? placeOf(error)
  return `${textOf(cause)}${place === undefined ? '' : ` (${place})`}`
}

/** Drizzle wraps the driver's error, the door wraps the connection's. Ours says more than what it was caused by. */
function rootOf(error: unknown): unknown {
  let current = error
  for (let depth = 0; depth < CAUSES_MAX; depth += 1) {
    if (!(current instanceof Error) || current instanceof Refusal || current instanceof DoorError) return current
    if (isDatabaseError(current) || !(current.cause instanceof Error)) return current
    current = current.cause
  }
  return current
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return 'Something that is no error was thrown'
  if (error instanceof Refusal)
    return `Refusal ${error.code}${error.details.detail === undefined ? '' : `: ${masked(error.details.detail)}`}`
  if (error instanceof DoorError) return `DoorError ${error.code}: ${masked(error.message)}`
  if (isDatabaseError(error)) return databaseText(error)
  const code = (error as { code?: unknown }).code
  return `${error.name}${typeof code === 'string' ? ` ${masked(code)}` : ''}: ${masked(error.message)}`
}

function isDatabaseError(error: Error): error is DatabaseError {
  const { code, severity } = error as Partial<DatabaseError>
  return typeof severity === 'string' && typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)
}

function databaseText(error: DatabaseError): string {
  const table = error.table_name ?? error.table
  const column = error.column_name ?? error.column
  const constraint = error.constraint_name ?? error.constraint
  const names = [table && `table ${table}`, column && `column ${column}`, constraint && `constraint ${constraint}`].filter(Boolean)
  return `Database error ${error.code}${names.length === 0 ? '' : `, ${names.join(', ')}`}`
}

/** Drizzle quotes the whole query and its parameters; other messages quote what they could not digest. */
function masked(message: string): string {
  const text = message.startsWith('Failed query') ? 'Failed query' : message
  return text
    .slice(0, MESSAGE_LENGTH_MAX * 4)
    .replace(/\p{Cc}+/gu, ' ')
    .replace(/"[^"]*"?|'[^']*'?|`[^`]*`?/g, '"…"')
    .replace(/\S+@\S+/g, '…')
    .slice(0, MESSAGE_LENGTH_MAX)
}

/** `packages/core/src/imports/run-import.ts:42`: the first frame of our own, relative to the repository. A module may have been loaded with a query. */
function placeOf(error: unknown): string | undefined {
  const stack = error instanceof Error ? error.stack?.replace(/\.ts\?[^:)\s]*/g, '.ts') : undefined
  return stack?.match(/\/((?:apps|packages)\/(?:(?!node_modules)[\w./-])+\.ts:\d+)(?::\d+)?\)?$/m)?.[1]
}
