import { createHash } from 'node:crypto'

const BUCKETS = 1_000_000n

/**
 * Where a buyer stands in the roll-out of a promotion: 0 to 999999, spread evenly, always the same for the same promotion and
 * sticky key, and unrelated between promotions.
 */
export function rolloutBucket(promotionId: string, stickyKey: string): number {
  const digest = createHash('sha256').update(`${promotionId}|${stickyKey}`).digest()
  return Number(digest.readBigUInt64BE() % BUCKETS)
}

/** Whether a version is for the buyer. Hashes only where it is not for everybody. */
export function isRolledOut(document: { id: string; rollout_from_ppm: number; rollout_ppm: number }, stickyKey: string): boolean {
  if (document.rollout_from_ppm === 0 && document.rollout_ppm >= Number(BUCKETS)) return true
  const bucket = rolloutBucket(document.id, stickyKey)
  return document.rollout_from_ppm <= bucket && bucket < document.rollout_ppm
}
