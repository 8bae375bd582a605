/**
 * What a sandbox does not get. What opens something outside, or would make the copy act on somebody outside: keys, receivers, mail,
 * sessions, and requests that were answered. Everything else is copied, so a new table is, unless it is named here; a test looks at
 * the names of columns, and asks about those that sound like a secret.
 */
export const LEFT_BEHIND = new Set([
  'api_key',
  'payment_account',
  'payment_account_secret',
  'payment_callback',
  'saved_payment_method',
  'plugin_secret',
  'webhook_endpoint',
  'webhook_subscription',
  'webhook_delivery',
  'webhook_attempt',
  'webhook_replay',
  'customer_account',
  'customer_request',
  'customer_session',
  'mail_message',
  'idempotency_key',
  'dead_job',
])

/** The end of the audit log's chain. A copy is another merchant: its log is chained anew as its entries are written. */
export const CHAIN_END = 'audit_chain'

/** Tables whose rows must be written in the order in which they were made, and what that order is. The others go by their keys. */
export const WRITTEN_IN_ORDER: Readonly<Record<string, string[]>> = { audit_entry: ['sequence', 'id'] }

/** Whether a copy under another id gets the rows of this table. */
export function isCopied(table: string): boolean {
  return table !== CHAIN_END && !LEFT_BEHIND.has(table)
}
