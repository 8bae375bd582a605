import type { AuditEntry } from '@souk/core/audit/list-audit.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { timeSchema } from './time.ts'

export const auditEntrySchema = z
  .strictObject({
    id: idSchema,
    action: z.string().meta({ description: 'What was done: `promotion.published`.' }),
    target_type: z.string(),
    target_id: idSchema,
    before: z.unknown().meta({ description: 'The thing as it was; of a large one `{sha256, bytes}`; null if it was not there.' }),
    after: z.unknown().meta({ description: 'The thing as it was then; null if it was gone.' }),
    reason: z.string(),
    actor: z.record(z.string(), z.unknown()),
    occurred_at: timeSchema,
    sequence: z.int().meta({ description: 'Its place in the log.' }),
    hash: z.string().meta({ description: 'SHA-256 over the entry and the hash of the one before it.' }),
  })
  .meta({ id: 'AuditEntry' })

export function presentAuditEntry(entry: AuditEntry): z.output<typeof auditEntrySchema> {
  const { id, action, targetType, targetId, before, after, reason, actor, occurredAt, sequence, hash } = entry
  return {
    id,
    action,
    target_type: targetType,
    target_id: targetId,
    before: before ?? null,
    after: after ?? null,
    reason,
    actor: { ...actor },
    occurred_at: occurredAt.toISOString(),
    sequence: Number(sequence),
    hash,
  }
}
