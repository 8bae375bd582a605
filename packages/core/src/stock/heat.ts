import type { Line } from './allocate.ts'

/** So many claims of a variant under way in this process at once: they wait for each other. */
const HOT_FROM = 4
/** A variant is hot until nobody has waited for it for so long. */
const COOLS_AFTER_MS = 10_000
const MERCHANTS_MAX = 1_000

const underWay = new Map<string, number>()
const hotSince = new Map<string, Map<string, number>>()

/** Tells that a claim has begun; what it answers tells that it is over. */
export function claimBegins(merchantId: string, lines: readonly Line[]): () => void {
  const keys = lines.map(({ variantId }) => {
    const key = `${merchantId}|${variantId}`
    const count = (underWay.get(key) ?? 0) + 1
    underWay.set(key, count)
    if (count >= HOT_FROM) heat(merchantId, variantId)
    return key
  })
  return () => {
    for (const key of keys) {
      const count = underWay.get(key)! - 1
      if (count === 0) underWay.delete(key)
      else underWay.set(key, count)
    }
  }
}

/** Somebody waits for it, now. */
export function heat(merchantId: string, variantId: string): void {
  const hot = hotSince.get(merchantId) ?? new Map<string, number>()
  hotSince.set(merchantId, hot.set(variantId, performance.now()))
  if (hotSince.size > MERCHANTS_MAX) hotSince.delete(hotSince.keys().next().value!)
}

/** The variants of a merchant that buyers of this process have lately waited for. */
export function hotVariants(merchantId: string): string[] {
  const hot = hotSince.get(merchantId)
  if (!hot) return []
  for (const [variantId, at] of hot) if (performance.now() - at > COOLS_AFTER_MS) hot.delete(variantId)
  if (hot.size === 0) hotSince.delete(merchantId)
  return [...hot.keys()]
}
