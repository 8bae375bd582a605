import type { RefusalCode } from '@souk/core/refusal.ts'
import type { DoorErrorCode } from '@souk/tenant-router/door-error.ts'
import type { ProblemKind } from './problem-kind.ts'
import { PROBLEMS_OF_REQUESTS } from './problems-of-requests.ts'
import { PROBLEMS_OF_SHOPS } from './problems-of-shops.ts'

type ApiCode =
  | 'bad_request'
  | 'bad_url'
  | 'bad_host'
  | 'misdirected'
  | 'method_not_allowed'
  | 'url_too_long'
  | 'headers_too_large'
  | 'request_timeout'
  | 'unsupported_media_type'
  | 'invalid_json'
  | 'duplicate_key'
  | 'json_too_deep'
  | 'json_too_many_keys'
  | 'invalid_body'
  | 'unknown_field'
  | 'invalid_id'
  | 'invalid_limit'
  | 'invalid_parameter'
  | 'unknown_parameter'
  | 'duplicate_parameter'
  | 'text_too_long'
  | 'percentage_out_of_range'
  | 'invalid_timestamp'
  | 'merchant_missing'
  | 'merchant_mismatch'
  | 'credentials_missing'
  | 'idempotency_key_missing'
  | 'idempotency_key_invalid'
  | 'temporary_reduced_capacity'
  | 'conflict_retry'
  | 'handler_timeout'
  | 'platform_unavailable'
  | 'internal_error'

export type ProblemCode = RefusalCode | DoorErrorCode | ApiCode

/** The one table: what may go wrong, and how it reads on the wire. The type's slug is the code with hyphens. */
export const PROBLEMS: Record<ProblemCode, ProblemKind> = {
  ...PROBLEMS_OF_REQUESTS,
  ...PROBLEMS_OF_SHOPS,
  // Plugins
  plugin_invalid: {
    status: 422,
    title: 'Invalid plugin',
    meaning: 'The manifest or the bundle cannot run here; `errors` says what is wrong with which part.',
  },
  plugin_configuration_invalid: {
    status: 422,
    title: 'Invalid plugin configuration',
    meaning: 'The version, the points or the configuration are not what the plugin takes; `errors` names them.',
  },
  plugin_failed: {
    status: 502,
    title: 'Plugin failed',
    meaning:
      'A plugin of this shop did not answer as it must, and the merchant chose not to sell without it. Nothing was ordered; try again.',
  },
  plugins_busy: {
    status: 503,
    title: 'Plugins are busy',
    meaning: 'There was no time to look at the plugin, which says nothing of it. Nothing was kept: try again in a moment.',
    retryAfter: 2,
  },
  too_many_installs: { status: 422, title: 'Too many plugins', meaning: 'The merchant has as many plugins as it may.' },
  too_many_releases: { status: 422, title: 'Too many releases', meaning: 'The plugin has as many releases as it may.' },

  // Rules
  rule_invalid: {
    status: 422,
    title: 'Invalid rule',
    meaning:
      'Conditions are not of the form, the facts, the operators or the values of the rule language, or can never hold; `errors` says where.',
  },
  rule_too_complex: {
    status: 422,
    title: 'Rule too complex',
    meaning: 'Conditions are nested too deep, too many, too large, or would cost too much for every cart; `errors` says where.',
  },
  rule_result_invalid: {
    status: 422,
    title: 'Rule result invalid',
    meaning: 'A promotion, a plugin or a tax rule led to an amount that cannot be charged: a negative one, or one out of range.',
  },
  unsafe_pattern: {
    status: 422,
    title: 'Unsafe pattern',
    meaning: 'A pattern in a condition is too long or uses what patterns here may not: nested repetition, lookaround, backreferences.',
  },

  // Webhooks
  url_not_allowed: {
    status: 422,
    title: 'URL not allowed',
    meaning:
      'Webhooks are sent to https at a public host, on port 443 or 8443, without credentials in the URL, and not to this platform itself.',
  },
  invalid_header: {
    status: 422,
    title: 'Invalid header',
    meaning: 'A header for a webhook is none of HTTP, is set by the platform itself, or has a value that is not visible ASCII in one line.',
  },

  // The platform
  host_not_allowed: { status: 422, title: 'Host not allowed', meaning: "This host name cannot be a merchant's own domain." },
  domain_not_verified: { status: 409, title: 'Domain not verified', meaning: 'The DNS TXT record with the challenge was not found.' },
  cell_unreachable: {
    status: 409,
    title: 'Cell unreachable',
    meaning: 'The process that was asked has no address for this cell: addresses come from a secret, not from the API.',
  },
  cell_unfit: {
    status: 422,
    title: 'Cell unfit',
    meaning: 'The database failed a check and cannot be a cell; `findings` holds all of them.',
  },
  cell_closed: { status: 409, title: 'Cell closed', meaning: 'The cell is being drained or is retired, and takes no merchant.' },
  cell_occupied: {
    status: 409,
    title: 'Cell occupied',
    meaning: 'Merchants live in the cell, or moves still need it, so that it cannot be retired; or it is dedicated and has its merchant.',
  },
  move_refused: {
    status: 409,
    title: 'Move refused',
    meaning: 'The merchant, or the move, is in a state that does not allow this; `reason` names it.',
  },

  // Ourselves
  merchant_moving: {
    status: 503,
    title: 'Merchant is being moved',
    meaning: 'The shop is changing databases: try again in a moment.',
    retryAfter: 1,
  },
  cell_busy: { status: 503, title: 'Busy', meaning: 'The database has more to do than it can take: try again in a moment.', retryAfter: 1 },
  temporary_reduced_capacity: {
    status: 503,
    title: 'Reduced capacity',
    meaning: 'So many wait for the database that only checkouts are let in: try again in a moment. Nothing was changed.',
    retryAfter: 2,
  },
  cell_unavailable: {
    status: 503,
    title: 'Database unavailable',
    meaning: 'The database did not answer. Nothing was changed.',
    retryAfter: 2,
  },
  platform_unavailable: {
    status: 503,
    title: 'Directory unavailable',
    meaning: 'The directory of merchants did not answer. Nothing was changed.',
    retryAfter: 2,
  },
  commit_unknown: {
    status: 503,
    title: 'Outcome unknown',
    meaning: 'The connection was lost while committing. Send the same request with the same `Idempotency-Key` to learn the outcome.',
    retryAfter: 2,
  },
  conflict_retry: {
    status: 503,
    title: 'Try again',
    meaning: 'The request met another one again and again. Nothing was changed.',
    retryAfter: 1,
  },
  handler_timeout: {
    status: 503,
    title: 'Timed out',
    meaning: 'The answer took too long. With an `Idempotency-Key` it is safe to try again.',
    retryAfter: 2,
  },
  internal_error: { status: 500, title: 'Internal error', meaning: 'Our fault. `request_id` helps us find it.' },
}

/** Absolute and stable; the page behind it need not exist (RFC 9457, section 3.1.1). */
export const PROBLEM_TYPE_BASE = 'https://souk.dev/problems/'

export function problemSlug(code: ProblemCode): string {
  return code.replaceAll('_', '-')
}

/** The documentation of all problems, docs/problems.md. */
export function problemsPage(): string {
  const rows = Object.entries(PROBLEMS)
    .map(([code, kind]) => ({ slug: problemSlug(code as ProblemCode), ...kind }))
    .sort((a, b) => a.status - b.status || (a.slug < b.slug ? -1 : 1))
    .map(({ slug, status, title, meaning }) => `| ${status} | \`${slug}\` | ${title} | ${meaning} |`)
  return `# Problems

Every answer that is not a success is a problem document (RFC 9457, \`application/problem+json\`). Its \`type\` is \`${PROBLEM_TYPE_BASE}\` plus
one of the slugs below; \`errors\` points at the fields, by JSON Pointer, with a code of their own. \`detail\` is for people and may change.

| status | type | title | meaning |
| --- | --- | --- | --- |
${rows.join('\n')}
`
}
