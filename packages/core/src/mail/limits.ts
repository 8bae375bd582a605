export const MAIL_SUBJECT_BYTES_MAX = 1_000
export const MAIL_BODY_BYTES_MAX = 100_000
/** What a rendered part may come to. */
export const MAIL_RENDERED_BYTES_MAX = 1_000_000
/** What the rendering of one part may take, in milliseconds of a processor and in elements and characters that it makes. */
export const MAIL_RENDER_MS = 200
export const MAIL_RENDER_UNITS_MAX = 5_000_000
export const MAIL_LOCALES_PER_TEMPLATE_MAX = 50
export const MAIL_SENDER_NAME_GRAPHEMES_MAX = 100
/** Events of the log that are read in one go. */
export const MAIL_EVENTS_PER_ROUND = 100
/** How long one transaction goes on queueing mails, unless its merchant is about to move: then for one mail. */
export const MAIL_ROUND_MS = 30
/** What happened longer ago is not mailed any more: a log that is followed for the first time, or after a long time. */
export const MAIL_EVENT_AGE_MAX_DAYS = 7
export const MAIL_DELIVERY_TIMEOUT_MS = 30_000
/** Mails that one round of due work wakes. */
export const MAILS_WOKEN_MAX = 500
/** Longer than an event may be mailed after it happened: its key is not needed any more. */
export const MAILS_KEPT_DAYS = 90
