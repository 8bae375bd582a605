export const CUSTOMER_NAME_GRAPHEMES_MAX = 200
export const GROUP_NAME_GRAPHEMES_MAX = 100
export const LOCALE_CHARACTERS_MAX = 35
export const VAT_ID_CHARACTERS_MAX = 30
/** Groups a merchant may have, and those one customer may be in: all of them are looked at for each price. */
export const CUSTOMER_GROUPS_MAX = 500
export const GROUPS_PER_CUSTOMER_MAX = 100
/** For how long a customer token is good, at most and unless it is said. */
export const CUSTOMER_TOKEN_SECONDS_MAX = 30 * 86_400
export const CUSTOMER_TOKEN_SECONDS = 86_400
