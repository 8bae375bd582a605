import { type FieldProblem, Refusal } from '@souk/core/refusal.ts'
import { DoorError, errorCode, isLostConnection } from '@souk/tenant-router/door-error.ts'
import { PROBLEM_TYPE_BASE, PROBLEMS, type ProblemCode, problemSlug } from './problems.ts'

export interface ProblemDetails {
  detail?: string
  errors?: FieldProblem[]
  /** Further members of the document, in wire spelling. */
  extra?: Record<string, unknown>
  headers?: Record<string, string>
}

/** A no that the API itself says, before or beside the shop's own refusals. */
export class Problem extends Error {
  readonly code: ProblemCode
  readonly details: ProblemDetails

  constructor(code: ProblemCode, details: ProblemDetails = {}) {
    super(details.detail ?? code)
    this.name = 'Problem'
    this.code = code
    this.details = details
  }
}

/** A problem as it goes over the wire. */
export interface ProblemReply {
  status: number
  slug: string
  headers: Record<string, string>
  body: string
  /** False for what nobody foresaw: it belongs in the log. */
  expected: boolean
}

const FRAMEWORK_CODES: Record<string, ProblemCode> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'bad_request',
  FST_ERR_BAD_URL: 'bad_url',
  FST_ERR_INVALID_URL: 'bad_url',
  FST_ERR_MAX_PARAM_LENGTH: 'url_too_long',
  FST_ERR_HANDLER_TIMEOUT: 'handler_timeout',
}

// What PostgreSQL says when it is too busy rather than wrong: cancelled by a timeout, a lock not granted, a conflict.
const SQLSTATES: Record<string, ProblemCode> = {
  '57014': 'cell_busy',
  '55P03': 'cell_busy',
  '25P03': 'cell_busy',
  '25P04': 'cell_busy',
  '40P01': 'conflict_retry',
  '40001': 'conflict_retry',
  // What the directory says of a home in a cell that takes nobody: see migrations/directory/0006.
  CE001: 'cell_closed',
  CE002: 'cell_occupied',
}

/** Turns anything thrown into a problem document. What is not foreseen tells the caller nothing but the request's id. */
export function toProblem(error: unknown, requestId: string): ProblemReply {
  if (error instanceof Problem) return document(error.code, error.details)
  if (error instanceof Refusal) return document(error.code, refusalDetails(error))
  if (error instanceof DoorError) return document(error.code, {})
  const code = errorCode(error)
  const known = code === undefined ? undefined : (FRAMEWORK_CODES[code] ?? SQLSTATES[code])
  if (known) return document(known, {})
  if (isLostConnection(error)) return document('platform_unavailable', {})
  return { ...document('internal_error', { extra: { request_id: requestId } }), expected: false }
}

function refusalDetails({ details: { retryAfterS, ...details } }: Refusal): ProblemDetails {
  return { ...details, ...(retryAfterS !== undefined && { headers: { 'retry-after': String(retryAfterS) } }) }
}

function document(code: ProblemCode, details: ProblemDetails): ProblemReply {
  const { status, title, retryAfter } = PROBLEMS[code]
  const headers: Record<string, string> = { 'content-type': 'application/problem+json', 'cache-control': 'no-store' }
  if (retryAfter !== undefined) headers['retry-after'] = String(retryAfter)
  if (status === 401) headers['www-authenticate'] = 'Bearer'
  Object.assign(headers, details.headers)
  const body = JSON.stringify({
    type: PROBLEM_TYPE_BASE + problemSlug(code),
    title,
    status,
    ...(details.detail !== undefined && { detail: details.detail }),
    ...(details.errors && { errors: details.errors.map((field) => ({ ...field, code: field.code.replaceAll('_', '-') })) }),
    ...details.extra,
  })
  return { status, slug: problemSlug(code), headers, body, expected: true }
}
