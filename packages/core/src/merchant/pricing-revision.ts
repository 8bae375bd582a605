import type { Query, Tx } from '@souk/tenant-router/tx.ts'

/**
 * Says that something a price depends on has changed: promotions, taxes, shipping, policies, installed plugins. Belongs in the
 * transaction of the change. Quotes from then on, in every process, are made with the new data. The query is not awaited
 * here: it may travel with others. It locks the merchant's settings until the commit, so it comes late in a transaction.
 */
export function bumpPricing(tx: Pick<Tx, 'merchantId' | 'sql'>): Query {
  return tx.sql`update merchant_settings set pricing_revision = pricing_revision + 1 where merchant_id = ${tx.merchantId}`
}

/**
 * Holds the merchant's pricing data still until the transaction ends: whoever changes several things that must fit together takes
 * this first, before any row, and so never meets another half way.
 */
export function lockPricing(tx: Pick<Tx, 'merchantId' | 'sql'>): Query {
  return tx.sql`select pricing_revision from merchant_settings where merchant_id = ${tx.merchantId} for no key update`
}
