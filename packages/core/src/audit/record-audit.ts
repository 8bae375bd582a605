import { createHash } from 'node:crypto'
import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { newId } from '../ids.ts'
import { requireProse } from '../text.ts'

/** A larger document is kept as its digest: the log tells that it changed, not to what. */
export const AUDIT_DOCUMENT_BYTES_MAX = 64 * 1024
export const AUDIT_REASON_BYTES_MAX = 1_000

export interface NewAuditEntry {
  /** `<what>.<what was done to it>`, past tense: `promotion.published`, `tax_rates.imported`. */
  action: string
  /** `promotion`, `coupon`, `tax_table`, `plugin_install`. */
  targetType: string
  /** The thing that changed; the merchant's own id for what it has one of. */
  targetId: string
  /** The thing as it was; null if it was not there. Plain JSON; bigints are kept as numbers. */
  before: unknown
  /** The thing as it is now; null if it is gone. */
  after: unknown
  /** Why, in the words of whoever did it; '' if nobody was asked. */
  reason: string
  actor: Actor
  now: Date
}

/**
 * Writes down a change, in the transaction that makes it. Nobody can edit or delete an entry. Refuses `text_too_long` and
 * `invalid_text` for the reason, at `/reason`. The query is not awaited here: it may travel with others.
 */
export function recordAudit(tx: Pick<Tx, 'merchantId' | 'sql'>, entry: NewAuditEntry): Query {
  const { action, targetType, targetId, actor, now } = entry
  const reason = requireProse('/reason', entry.reason, AUDIT_REASON_BYTES_MAX)
  return tx.sql`
    insert into audit_entry (merchant_id, id, action, target_type, target_id, before, after, reason, actor, actor_id, occurred_at)
    values (${tx.merchantId}, ${newId(now)}, ${action}, ${targetType}, ${targetId}, ${kept(entry.before)}::jsonb, ${kept(entry.after)}::jsonb,
      ${reason}, ${JSON.stringify(actor)}::jsonb, ${'id' in actor ? actor.id : null}::uuid, ${now}::timestamptz)`
}

function kept(document: unknown): string | null {
  if (document === null || document === undefined) return null
  const text = JSON.stringify(document, (_key, member) => (typeof member === 'bigint' ? Number(member) : member))
  const bytes = Buffer.byteLength(text)
  if (bytes <= AUDIT_DOCUMENT_BYTES_MAX) return text
  return JSON.stringify({ sha256: createHash('sha256').update(text).digest('hex'), bytes })
}
