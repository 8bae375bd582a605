import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, desc, eq, gte, lt } from 'drizzle-orm'
import { firstIdOf } from '../ids.ts'
import { mine } from '../mine.ts'
import { auditEntries } from './tables.ts'

export type AuditEntry = typeof auditEntries.$inferSelect

/** What an entry must be to be listed; what is absent does not matter. */
export interface AuditFilter {
  action?: string | undefined
  targetType?: string | undefined
  targetId?: string | undefined
  actorId?: string | undefined
  /** From this moment on. */
  since?: Date | undefined
  /** Before this moment. */
  until?: Date | undefined
}

/** Entries of the log, the newest first; `next` is the entry after which the list goes on. */
export async function listAudit(
  tx: Tx,
  filter: AuditFilter,
  page: { limit: number; before?: string | undefined },
): Promise<{ entries: AuditEntry[]; next: string | null }> {
  const { action, targetType, targetId, actorId, since, until } = filter
  const rows = await tx
    .select()
    .from(auditEntries)
    .where(
      and(
        mine(tx, auditEntries),
        page.before === undefined ? undefined : lt(auditEntries.id, page.before),
        since && gte(auditEntries.id, firstIdOf(since)),
        until && lt(auditEntries.id, firstIdOf(until)),
        targetId === undefined ? undefined : eq(auditEntries.targetId, targetId),
        targetType === undefined ? undefined : eq(auditEntries.targetType, targetType),
        action === undefined ? undefined : eq(auditEntries.action, action),
        actorId === undefined ? undefined : eq(auditEntries.actorId, actorId),
      ),
    )
    .orderBy(desc(auditEntries.id))
    .limit(page.limit + 1)
  const entries = rows.slice(0, page.limit)
  return { entries, next: rows.length > page.limit ? entries.at(-1)!.id : null }
}
