import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { LRUCache } from 'lru-cache'
import { type CompiledPricing, compilePricing } from '../pricing/compile-pricing.ts'
import { pricingDocumentSchema } from '../pricing/pricing-document.ts'
import type { MerchantPricing } from './pricing-in-force.ts'

const VERSIONS_MAX = 100

// Content that never changes, by merchant and hash.
const compiled = new LRUCache<string, CompiledPricing>({ max: VERSIONS_MAX })
const kept = new WeakSet<MerchantPricing>()

/**
 * The statement that keeps a pricing version for good, beside the order that names it; none where this process knows that it is
 * kept. `isKept` says so after the commit.
 */
export function keepPricingVersion(tx: Pick<Tx, 'merchantId' | 'sql'>, pricing: MerchantPricing): Query[] {
  if (kept.has(pricing)) return []
  const { version, document } = pricing.rules
  return [
    tx.sql`
      insert into pricing_version (merchant_id, hash, document)
      values (${tx.merchantId}, ${version}, ${JSON.stringify(document)}::jsonb) on conflict do nothing`,
  ]
}

/** Says that the transaction with `keepPricingVersion` in it has been committed. */
export function isKept(pricing: MerchantPricing): void {
  kept.add(pricing)
}

/** The pricing that an order names, ready to price with. Undefined when there is no such version. */
export async function pricingOfVersion(tx: Tx, hash: string): Promise<CompiledPricing | undefined> {
  const name = `${tx.merchantId}|${hash}`
  const known = compiled.get(name)
  if (known) return known
  const [row] = await tx.sql<{ document: unknown }[]>`
    select document from pricing_version where merchant_id = ${tx.merchantId} and hash = ${hash}`
  if (!row) return undefined
  // Read by the schema: a document from before a field was added gets its default.
  const rules = compilePricing(pricingDocumentSchema.parse(row.document), hash)
  compiled.set(name, rules)
  return rules
}
