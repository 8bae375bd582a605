import type { Line } from './allocate.ts'

/** So many claims of a variant under way in this process at once: they wait for each other. */
const HOT_FROM = 4
/** Of the last claims while so many buyers are at the till, the part that all want the same: they would wait for each other if they were let in. */
const LAST_CLAIMS = 8
const HOT_OF_LAST = 6
/** A variant is hot until nobody has waited for it for so long. */
const COOLS_AFTER_MS = 10_000
const MERCHANTS_MAX = 1_000

const underWay = new Map<string, number>()
const hotSince = new Map<string, Map<string, number>>()

/** Buyers of a merchant whose checkouts are under way in this process, and what the last of them claimed. */
interface Crowd {
  buyers: number
  lastClaims: (readonly Line[])[]
}

const crowds = new Map<string, Crowd>()

/**
 * Tells that a buyer wants to check out, before anything is waited for; what it answers tells that it is over. Where few are let in at
 * a time, claims never meet, and what all wait for is seen by this alone.
 */
export function buyerComes(merchantId: string): () => void {
  const crowd = crowds.get(merchantId) ?? { buyers: 0, lastClaims: [] }
  crowds.set(merchantId, crowd)
  crowd.buyers += 1
  return () => {
    crowd.buyers -= 1
    if (crowd.buyers === 0) crowds.delete(merchantId)
  }
}

/** Tells that a claim has begun; what it answers tells that it is over. */
export function claimBegins(merchantId: string, lines: readonly Line[]): () => void {
  watchCrowd(merchantId, lines)
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

function watchCrowd(merchantId: string, lines: readonly Line[]): void {
  const crowd = crowds.get(merchantId)
  if (!crowd || crowd.buyers < HOT_FROM) return
  crowd.lastClaims = [...crowd.lastClaims.slice(1 - LAST_CLAIMS), lines]
  for (const { variantId } of lines) {
    const wanted = crowd.lastClaims.filter((claim) => claim.some((line) => line.variantId === variantId))
    if (wanted.length >= HOT_OF_LAST) heat(merchantId, variantId)
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
