import type { RefusalCode } from '@souk/core/refusal.ts'
import type { DoorErrorCode } from '@souk/tenant-router/door-error.ts'

export interface ProblemKind {
  status: number
  title: string
  /** One line for the documentation: when it happens, and what the caller can do. */
  meaning: string
  /** Seconds after which trying again makes sense. */
  retryAfter?: number
}

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
  | 'quota_exceeded'
  | 'conflict_retry'
  | 'handler_timeout'
  | 'platform_unavailable'
  | 'internal_error'

export type ProblemCode = RefusalCode | DoorErrorCode | ApiCode

/** The one table: what may go wrong, and how it reads on the wire. The type's slug is the code with hyphens. */
export const PROBLEMS: Record<ProblemCode, ProblemKind> = {
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
  quota_exceeded: { status: 429, title: 'Quota exceeded', meaning: 'Too many attempts. `Retry-After` says when to try again.' },

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

  // The shop
  invalid_product: { status: 422, title: 'Invalid product', meaning: 'The product does not hold together; `errors` says where.' },
  duplicate: { status: 409, title: 'Duplicate', meaning: 'Something with this unique name is there already.' },
  invalid_state: {
    status: 409,
    title: 'Invalid state',
    meaning: 'The thing is in a state that does not allow this; `current_state` names it.',
  },
  discount_exceeds_total: {
    status: 422,
    title: 'The discount is more than there is to pay',
    meaning: 'More would be taken off than the goods cost.',
  },
  refund_exceeds_capture: {
    status: 409,
    title: 'More would be refunded than was captured',
    meaning: 'The amount is more than what was captured and not refunded yet, refunds that are under way included.',
  },
  gift_card_invalid: {
    status: 422,
    title: 'Gift card not usable',
    meaning: 'There is no gift card of this code, or it has expired, was disabled, or is of another currency.',
  },
  insufficient_credit: {
    status: 409,
    title: 'Not enough credit',
    meaning: 'There is not as much left on the gift card, or of the store credit.',
  },
  capture_exceeds_authorization: {
    status: 409,
    title: 'More would be taken than is authorized',
    meaning: 'The amount is more than what is authorized and not captured yet, captures that are under way included.',
  },
  payment_declined: {
    status: 402,
    title: 'Payment declined',
    meaning:
      'The payment was declined; `code` says why. Nothing was charged. `order` stays open for another attempt until `payment_due_at`; `token` opens it.',
  },
  payment_provider_unknown: {
    status: 422,
    title: 'Payment provider not offered',
    meaning: 'The merchant does not take payments by this provider, or has turned it off.',
  },
  payment_account_invalid: {
    status: 422,
    title: 'Invalid payment account',
    meaning: 'The account lacks a key, or names an address or setting its provider does not have; `errors` says which.',
  },
  payment_method_unusable: {
    status: 422,
    title: 'Payment method not usable',
    meaning: 'Nothing is named that pays, two things are, or a saved method that is not this customer’s; `errors` says where.',
  },
  callback_invalid: {
    status: 401,
    title: 'Callback not verified',
    meaning: 'The signature of the callback does not verify, or its time is too far from now. Nothing was kept.',
  },
  insufficient_stock: {
    status: 409,
    title: 'Insufficient stock',
    meaning: 'There are not as many units available. `variant_ids`, or `errors`, says of what.',
  },
  too_many_lines: { status: 422, title: 'Too many lines', meaning: 'The cart has more lines than it may.' },
  cart_empty: { status: 422, title: 'Cart empty', meaning: 'The cart has nothing in it.' },
  cart_incomplete: { status: 422, title: 'Cart incomplete', meaning: 'The cart lacks an address or contact; `errors` says which.' },
  total_changed: { status: 409, title: 'Total changed', meaning: 'The total is not the expected one; nothing was ordered.' },
  promotion_invalid: {
    status: 422,
    title: 'Invalid promotion',
    meaning: 'The promotion does not hold together, or names something that is not there; `errors` says where.',
  },
  promotion_used_up: {
    status: 409,
    title: 'Offer used up',
    meaning:
      'An offer in the price was used up by others, or by this customer, since the cart was priced: read the cart again. `promotion_ids` names it.',
  },
  coupon_code_invalid: {
    status: 422,
    title: 'Invalid coupon code',
    meaning: 'A code has 1 to 64 letters, digits and characters of `_.-+%&!#@*$/`; case and white space do not count.',
  },
  coupon_used_up: {
    status: 409,
    title: 'Coupon used up',
    meaning: 'A code in the cart was used up or withdrawn since the cart was priced: read the cart again. `coupon_codes` names it.',
  },
  too_many_in_progress: {
    status: 429,
    title: 'Too many in progress',
    meaning: 'As many of these are being worked on as may be at a time: wait for one to end.',
    retryAfter: 10,
  },
  quote_outdated: {
    status: 409,
    title: 'Quote outdated',
    meaning: 'The cart or the prices went on changing while the order was being placed; nothing was ordered. Read the cart again.',
  },
  tax_invalid: {
    status: 422,
    title: 'Invalid tax data',
    meaning: 'The rate, exemption or setting cannot be applied, or names a place that is not there; `errors` says where.',
  },
  shipping_invalid: {
    status: 422,
    title: 'Invalid shipping data',
    meaning: 'The zone or method cannot be offered, or names something that is not there; `errors` says where.',
  },
  invalid_media: {
    status: 422,
    title: 'Not such a picture',
    meaning: 'The content is no picture of a form that is taken, or too large; `detail` says which.',
  },
  import_invalid: {
    status: 422,
    title: 'Not such a file',
    meaning: 'The content is not a file of the format that was named; `detail` says why. Nothing was written.',
  },
  too_many: { status: 422, title: 'Too many', meaning: 'There may be no more of these; `detail` says how many.' },
  mail_token_invalid: {
    status: 422,
    title: 'Invalid token from a mail',
    meaning: 'The token was not mailed by this shop, was used, or is past its time: ask for a new one.',
  },
  mail_template_invalid: {
    status: 422,
    title: 'Invalid mail template',
    meaning: 'The words cannot be rendered, or speak of what such a mail does not have; `errors` says where.',
  },
  mail_settings_invalid: { status: 422, title: 'Invalid mail settings', meaning: 'The storefront is no plain https address.' },
  customer_token_invalid: {
    status: 422,
    title: 'Invalid customer token',
    meaning: 'The customer token is malformed, another merchant’s, past its time, or of a customer who is gone.',
  },
  shipping_option_unavailable: {
    status: 422,
    title: 'Shipping option unavailable',
    meaning: 'The cart cannot be sent this way; its shipping options say how, and why not.',
  },
  vat_id_invalid: {
    status: 422,
    title: 'Invalid VAT id',
    meaning: 'The VAT id is not in the form of its country, or its check digits are wrong.',
  },
  coupon_unknown: { status: 422, title: 'Unknown coupon', meaning: 'There is no such code.' },
  coupon_expired: { status: 422, title: 'Coupon expired', meaning: 'The code was good until a moment that is over.' },
  coupon_not_yet: { status: 422, title: 'Coupon not yet valid', meaning: 'The code is good from a moment that is still to come.' },
  coupon_not_yours: {
    status: 422,
    title: 'Coupon of another customer',
    meaning: 'The code is for another customer, or for one who is signed in.',
  },
  coupon_used_before: { status: 422, title: 'Coupon used before', meaning: 'This customer has used the code as often as one may.' },
  csv_malformed: { status: 422, title: 'Malformed CSV', meaning: 'The file cannot be read as CSV.' },
  csv_encoding: { status: 422, title: 'CSV encoding', meaning: 'The file is not UTF-8.' },
  csv_header: { status: 422, title: 'CSV header', meaning: 'The header line is missing, or has a column twice.' },
  too_many_imports: { status: 429, title: 'Too many imports', meaning: 'An import is under way: wait for its end.', retryAfter: 10 },

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

  // Ourselves
  merchant_moving: {
    status: 503,
    title: 'Merchant is being moved',
    meaning: 'The shop is changing databases: try again in a moment.',
    retryAfter: 1,
  },
  cell_busy: { status: 503, title: 'Busy', meaning: 'The database has more to do than it can take: try again in a moment.', retryAfter: 1 },
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
