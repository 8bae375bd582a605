import type { CatalogImport, CatalogImportProblem } from '@souk/core/imports/list-imports.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { timeSchema } from './time.ts'

export const importSchema = z
  .strictObject({
    id: idSchema,
    file_name: z.string(),
    status: z.enum(['receiving', 'queued', 'running', 'done', 'failed']),
    stock: z.enum(['keep', 'set']),
    bytes_received: z.int(),
    rows_done: z.int(),
    products_done: z.int(),
    products_total: z.int().nullable(),
    created: z.int(),
    updated: z.int(),
    unchanged: z.int(),
    failed: z.int(),
    failure: z.strictObject({ code: z.string(), detail: z.string(), line: z.int().optional() }).nullable(),
    created_at: timeSchema,
    started_at: timeSchema.nullable(),
    finished_at: timeSchema.nullable(),
  })
  .meta({ id: 'Import' })

export const rowProblemSchema = z
  .strictObject({
    id: idSchema,
    severity: z.enum(['error', 'warning']),
    line: z.int(),
    handle: z.string(),
    field: z.string(),
    code: z.string(),
    detail: z.string(),
  })
  .meta({ id: 'ImportProblem' })

/** An import, and how far it is. */
export function presentImport(found: CatalogImport): z.input<typeof importSchema> {
  return {
    id: found.id,
    file_name: found.fileName,
    status: found.status,
    stock: found.stockMode,
    bytes_received: Number(found.bytesReceived),
    rows_done: Number(found.rowsDone),
    products_done: Number(found.productsDone),
    products_total: found.productsTotal === null ? null : Number(found.productsTotal),
    created: Number(found.createdCount),
    updated: Number(found.updatedCount),
    unchanged: Number(found.unchangedCount),
    failed: Number(found.failedCount),
    failure: found.failure,
    created_at: found.createdAt.toISOString(),
    started_at: found.startedAt?.toISOString() ?? null,
    finished_at: found.finishedAt?.toISOString() ?? null,
  }
}

/** A line of the row report. */
export function presentRowProblem(problem: CatalogImportProblem): z.input<typeof rowProblemSchema> {
  const { id, severity, handle, field, code, detail } = problem
  return { id, severity, line: Number(problem.line), handle, field, code, detail }
}
