export const ROLLOUT_BUCKETS = 1_000_000

/**
 * Where a buyer stands in a promotion's gradual roll-out: 0 to 999999, evenly spread, the same every time. Another promotion
 * puts the same buyer elsewhere. (FNV-1a over the text, then the last step of MurmurHash3, which spreads similar keys.)
 */
export function rolloutBucket(promotionId: string, stickyKey: string): number {
  const text = `${promotionId}:${stickyKey}`
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) % ROLLOUT_BUCKETS
}
