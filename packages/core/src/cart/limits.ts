/** Lines a cart may hold. The largest real invoice in our replay data has 1,114. */
export const CART_LINES_MAX = 1_500
/** Units of one variant a cart may hold. The largest real order line in our replay data has 80,995. */
export const CART_LINE_QUANTITY_MAX = 100_000n
/** Codes a cart may hold. */
export const CART_COUPONS_MAX = 10
/** An open cart that nobody touched for this long is cleared. */
export const CART_ABANDONED_AFTER_DAYS = 30
