import type { ProblemKind } from './problem-kind.ts'
import type { ProblemCode } from './problems.ts'

/** What may be wrong with a request before the shop has looked at it. */
export const PROBLEMS_OF_REQUESTS = {
  // The request as such
  bad_request: {
    status: 400,
    title: 'Bad request',
    meaning: 'The request is not well-formed HTTP, or names a header twice that may come once.',
  },
  bad_url: { status: 400, title: 'Bad URL', meaning: 'The URL holds a malformed percent-encoding.' },
  bad_host: {
    status: 400,
    title: 'Bad Host',
    meaning: 'The Host header is missing, repeated, malformed, or contradicts the request target.',
  },
  misdirected: { status: 421, title: 'Misdirected request', meaning: 'No merchant is served at this host.' },
  not_found: {
    status: 404,
    title: 'Not found',
    meaning: 'There is no such thing here. What belongs to another merchant gets the same answer.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    meaning: 'The path exists, the method does not. `Allow` lists those that do.',
  },
  url_too_long: { status: 414, title: 'URL too long', meaning: 'A part of the path is longer than any id or handle.' },
  headers_too_large: { status: 431, title: 'Headers too large', meaning: 'The headers exceed 16 KiB.' },
  request_timeout: { status: 408, title: 'Request timeout', meaning: 'The request did not arrive whole in time.' },
  body_too_large: {
    status: 413,
    title: 'Body too large',
    meaning: 'The body is larger than this route takes: 1 MiB unless it says otherwise.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    meaning: 'The body is not `application/json` in UTF-8 (or `text/csv` for an import), or it is compressed.',
  },

  // JSON and fields
  invalid_json: { status: 400, title: 'Invalid JSON', meaning: 'The body is not JSON (RFC 8259) in UTF-8 without a byte order mark.' },
  duplicate_key: { status: 400, title: 'Duplicate key', meaning: 'An object in the body has the same key twice.' },
  json_too_deep: { status: 400, title: 'JSON too deep', meaning: 'The body is nested more than 64 levels deep.' },
  json_too_many_keys: { status: 400, title: 'Too many JSON keys', meaning: 'The body has more than 10,000 keys.' },
  invalid_body: {
    status: 400,
    title: 'Invalid body',
    meaning: 'A field is missing or of the wrong kind. Integers are written plainly: not 1.0, 1E2 or -0.',
  },
  unknown_field: { status: 400, title: 'Unknown field', meaning: 'The body has a field that this route does not know.' },
  invalid_id: {
    status: 400,
    title: 'Invalid id',
    meaning: 'An id is not a UUID in its lower-case form, or a handle or number in the path is malformed.',
  },
  invalid_limit: { status: 400, title: 'Invalid limit', meaning: '`limit` is a whole number from 1 to 100.' },
  invalid_parameter: { status: 400, title: 'Invalid parameter', meaning: 'A query parameter or header has a value of the wrong form.' },
  unknown_parameter: { status: 400, title: 'Unknown parameter', meaning: 'The query has a parameter that this route does not know.' },
  duplicate_parameter: { status: 400, title: 'Duplicate parameter', meaning: 'A query parameter comes twice, or in brackets.' },
  invalid_cursor: { status: 400, title: 'Invalid cursor', meaning: 'The cursor was edited, or belongs to another list or merchant.' },
  invalid_timestamp: {
    status: 400,
    title: 'Invalid timestamp',
    meaning: 'A time is not in RFC 3339 form with an offset, or lies where it may not.',
  },
  invalid_text: {
    status: 422,
    title: 'Invalid text',
    meaning:
      'A text holds a character that cannot be stored or would deceive: NUL, lone surrogates, direction overrides, zero-width or tag characters.',
  },
  text_too_long: { status: 422, title: 'Text too long', meaning: 'A text is longer than its field.' },
  invalid_slug: {
    status: 422,
    title: 'Invalid slug',
    meaning: 'A slug has letters a-z, digits and single hyphens inside, 3 to 40 in all, and is not reserved.',
  },
  quantity_out_of_range: { status: 422, title: 'Quantity out of range', meaning: 'A quantity is not a whole number within its limits.' },
  amount_out_of_range: { status: 422, title: 'Amount out of range', meaning: 'An amount is negative, or above 10^12 minor units.' },
  percentage_out_of_range: {
    status: 422,
    title: 'Percentage out of range',
    meaning: 'A percentage is below 0, above 100, or has more than 4 decimals.',
  },
  currency_unsupported: {
    status: 422,
    title: 'Currency not supported',
    meaning: 'The code is not an ISO 4217 currency that can be charged.',
  },
  currency_mismatch: { status: 422, title: 'Currency mismatch', meaning: 'An amount is in another currency than it must be.' },

  // Who and where
  merchant_missing: {
    status: 400,
    title: 'Merchant missing',
    meaning: 'At this host the merchant is named by the header `X-Merchant-Id`.',
  },
  merchant_mismatch: { status: 400, title: 'Merchant mismatch', meaning: '`X-Merchant-Id` names another merchant than the host.' },
  merchant_unknown: { status: 421, title: 'Unknown merchant', meaning: 'The merchant is no longer served here.' },
  merchant_suspended: { status: 403, title: 'Merchant suspended', meaning: 'The shop is closed by the platform for the time being.' },
  credentials_missing: {
    status: 401,
    title: 'Credentials missing',
    meaning: 'The route needs `Authorization: Bearer` with an access token or an API key.',
  },
  invalid_credentials: { status: 401, title: 'Invalid credentials', meaning: 'There is no account with this address and password.' },
  invalid_token: {
    status: 401,
    title: 'Invalid token',
    meaning: 'The token is malformed, forged, or made for another purpose or merchant.',
  },
  token_expired: { status: 401, title: 'Token expired', meaning: 'The access token is past its time: sign in again.' },
  token_revoked: { status: 401, title: 'Token revoked', meaning: 'The account was disabled, or its tokens were revoked.' },
  invalid_api_key: { status: 401, title: 'Invalid API key', meaning: 'The key is unknown, revoked or expired.' },
  insufficient_scope: { status: 403, title: 'Insufficient scope', meaning: 'The principal lacks a scope; `missing_scopes` names it.' },
  quota_exceeded: {
    status: 429,
    title: 'Quota exceeded',
    meaning:
      "Too many attempts, or more than the merchant's plan allows: requests a second or at once, imports at once, their rows an hour. `Retry-After` says when to try again; `RateLimit-Policy`, or `limit` and `allowed`, what is allowed.",
  },
  plan_limit_reached: {
    status: 409,
    title: 'Plan limit reached',
    meaning:
      "The merchant has as many of these as its plan allows: `limit` says of what, `allowed` how many. Remove some, or ask for another plan. Buyers' orders are never refused for it.",
  },

  // Idempotency
  idempotency_key_missing: { status: 400, title: 'Idempotency-Key missing', meaning: 'The route needs the header `Idempotency-Key`.' },
  idempotency_key_invalid: {
    status: 400,
    title: 'Invalid Idempotency-Key',
    meaning: 'The key is 1 to 255 visible ASCII characters, in quotes or not, and comes once.',
  },
  idempotency_key_reused: {
    status: 422,
    title: 'Idempotency-Key reused',
    meaning: 'The key came with another request before: use a new one.',
  },
  idempotency_in_progress: {
    status: 409,
    title: 'Request in progress',
    meaning: 'A request with this key is still running: ask again for its answer.',
    retryAfter: 1,
  },
} satisfies Partial<Record<ProblemCode, ProblemKind>>
