import type { Archive } from '@souk/platform/merchant-life/archives.ts'
import type { Erasure } from '@souk/platform/merchant-life/erasures.ts'
import type { MerchantWork } from '@souk/platform/merchant-life/merchant-works.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { timeSchema } from './time.ts'

const rowsSchema = z.record(z.string(), z.int()).meta({ description: 'Rows by table' })

export const merchantWorkSchema = z
  .object({
    id: idSchema,
    kind: z.enum(['export', 'restore', 'sandbox', 'erasure']),
    merchant_id: idSchema.meta({ description: 'Whom it happens to; of a restore and a sandbox, who comes to be' }),
    archive_id: idSchema.nullable().meta({ description: 'The archive that an export has made' }),
    state: z.enum(['queued', 'running', 'done', 'failed']),
    rows_done: z.int(),
    rows_total: z.int().nullable(),
    failure: z.string().nullable(),
    attempts: z.int(),
    requested_by: idSchema,
    requested_at: timeSchema,
    finished_at: timeSchema.nullable(),
  })
  .meta({ id: 'MerchantWork' })

export function presentWork(work: MerchantWork): z.output<typeof merchantWorkSchema> {
  return {
    id: work.id,
    kind: work.kind,
    merchant_id: work.merchantId,
    archive_id: work.archiveId,
    state: work.state,
    rows_done: work.figures.rowsDone ?? 0,
    rows_total: work.figures.rowsTotal ?? null,
    failure: work.failure,
    attempts: work.attempts,
    requested_by: work.requestedBy,
    requested_at: work.requestedAt.toISOString(),
    finished_at: work.finishedAt?.toISOString() ?? null,
  }
}

export const archiveSchema = z
  .object({
    id: idSchema,
    merchant_id: idSchema,
    slug: z.string().meta({ description: 'Of the merchant when it was made' }),
    name: z.string(),
    made_at: timeSchema.meta({ description: 'The moment that all of it is of' }),
    bytes: z.int(),
    sha256: z.string().meta({ description: 'Of the file' }),
    rows: rowsSchema,
    media_files: z.int(),
  })
  .meta({ id: 'MerchantArchive' })

export function presentArchive(archive: Archive): z.output<typeof archiveSchema> {
  return {
    id: archive.id,
    merchant_id: archive.merchantId,
    slug: archive.slug,
    name: archive.content.name,
    made_at: archive.madeAt.toISOString(),
    bytes: archive.bytes,
    sha256: archive.sha256,
    rows: archive.content.rows,
    media_files: archive.content.mediaFiles,
  }
}

export const erasureSchema = z
  .object({
    id: idSchema,
    merchant_id: idSchema,
    slug: z.string(),
    reason: z.string(),
    requested_by: idSchema,
    requested_at: timeSchema,
    erased_at: timeSchema,
    rows: rowsSchema,
    jobs: z.int(),
    media_files: z.int(),
    domains: z.int(),
    usage_days: z.int().meta({ description: 'Days of which the platform had counted what the merchant used' }),
    archives: z.object({ erased: z.int(), kept: z.array(idSchema) }),
    sandboxes: z
      .array(idSchema)
      .meta({ description: 'Sandboxes that were made of it and have its data still: they are erased by themselves' }),
    cells_checked: z.array(z.string()).meta({ description: 'In which nothing of the merchant was left' }),
    digest: z.string().meta({ description: 'SHA-256 over all of the above' }),
    audit_sequence: z.int().meta({ description: "The certificate's entry in the audit log, which has the same digest" }),
    intact: z.boolean().meta({ description: 'The certificate is what its digest says, and the audit log says the same' }),
  })
  .meta({ id: 'ErasureCertificate' })

export function presentErasure(erasure: Erasure): z.output<typeof erasureSchema> {
  const { content } = erasure
  return {
    id: erasure.id,
    merchant_id: erasure.merchantId,
    slug: content.slug,
    reason: erasure.reason,
    requested_by: erasure.requestedBy,
    requested_at: erasure.requestedAt.toISOString(),
    erased_at: erasure.erasedAt.toISOString(),
    rows: content.rows,
    jobs: content.jobs,
    media_files: content.media_files,
    domains: content.domains,
    usage_days: content.usage_days ?? 0,
    archives: content.archives,
    sandboxes: content.sandboxes ?? [],
    cells_checked: content.cells_checked,
    digest: erasure.digest,
    audit_sequence: Number(erasure.auditSequence),
    intact: erasure.intact,
  }
}
