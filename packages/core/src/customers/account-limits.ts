export const DEVICE_GRAPHEMES_MAX = 100
/** A session ends when it was not refreshed for so long, and in any case so long after the sign-in. */
export const SESSION_IDLE_DAYS = 30
export const SESSION_DAYS_MAX = 365
/** How many sessions of a customer stand at once: a further one ends the one that was refreshed longest ago. */
export const SESSIONS_PER_CUSTOMER_MAX = 50
export const REQUEST_HOURS = 24
/** Requests that name one address within REQUEST_WINDOW_MINUTES; further ones are answered alike and do nothing. */
export const REQUESTS_PER_ADDRESS_MAX = 3
export const REQUEST_WINDOW_MINUTES = 60
export const ADDRESSES_PER_CUSTOMER_MAX = 50
/** What is over is kept so long: sessions for the list of devices, requests so that their tokens can be told to be used. */
export const TRACES_KEPT_DAYS = 30
