/** Of one merchant, of every state. */
export const PROMOTIONS_KEPT_MAX = 10_000
/** Of one promotion. */
export const VERSIONS_MAX = 1_000
/** Of a version as JSON text. */
export const PROMOTION_BYTES_MAX = 64 * 1024
/** Of a version: its own, and those by which its actions choose lines. */
export const CONDITIONS_MAX = 100
/**
 * What the conditions of all versions in force may cost every cart, in the plain comparisons of rules/cost.ts of about 5 ns:
 * 10 ms for a cart of 200 lines.
 */
export const LIVE_COST_MAX = 2_000_000
/** Codes that can be asked for in one go, and batches of codes that one merchant may have under way. */
export const BATCH_CODES_MAX = 100_000
export const BATCHES_OPEN_MAX = 5
export const BATCH_NAME_GRAPHEMES_MAX = 255
export const COUPON_PREFIX_LENGTH_MAX = 24
export const COUPON_USES_MAX = 1_000_000_000
