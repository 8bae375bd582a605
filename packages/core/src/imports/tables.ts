import { bigint, customType, foreignKey, integer, jsonb, pgTable, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core'

export type ImportStatus = 'receiving' | 'queued' | 'running' | 'done' | 'failed'
/** What a file's quantities do to variants that exist already: nothing, or become what is on hand. */
export type StockMode = 'keep' | 'set'
export type ProblemSeverity = 'error' | 'warning'

/** Why a file was refused as a whole. */
export interface ImportFailure {
  code: string
  detail: string
  line?: number
}

const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({ dataType: () => 'bytea' })

export const catalogImports = pgTable(
  'catalog_import',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    fileName: text('file_name').notNull(),
    status: text('status').notNull().$type<ImportStatus>(),
    stockMode: text('stock_mode').notNull().$type<StockMode>(),
    bytesReceived: bigint('bytes_received', { mode: 'bigint' }).notNull().default(0n),
    rowsDone: bigint('rows_done', { mode: 'bigint' }).notNull().default(0n),
    productsDone: bigint('products_done', { mode: 'bigint' }).notNull().default(0n),
    productsTotal: bigint('products_total', { mode: 'bigint' }),
    createdCount: bigint('created_count', { mode: 'bigint' }).notNull().default(0n),
    updatedCount: bigint('updated_count', { mode: 'bigint' }).notNull().default(0n),
    unchangedCount: bigint('unchanged_count', { mode: 'bigint' }).notNull().default(0n),
    failedCount: bigint('failed_count', { mode: 'bigint' }).notNull().default(0n),
    failure: jsonb('failure').$type<ImportFailure>(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    startedAt: timestamp('started_at', { withTimezone: true }),
    finishedAt: timestamp('finished_at', { withTimezone: true }),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] })],
)

export const catalogImportParts = pgTable(
  'catalog_import_part',
  {
    merchantId: uuid('merchant_id').notNull(),
    importId: uuid('import_id').notNull(),
    position: integer('position').notNull(),
    content: bytea('content').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.importId, table.position] }),
    foreignKey({ columns: [table.merchantId, table.importId], foreignColumns: [catalogImports.merchantId, catalogImports.id] }).onDelete(
      'cascade',
    ),
  ],
)

export const catalogImportProblems = pgTable(
  'catalog_import_problem',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    importId: uuid('import_id').notNull(),
    severity: text('severity').notNull().$type<ProblemSeverity>(),
    line: bigint('line', { mode: 'bigint' }).notNull(),
    handle: text('handle').notNull(),
    field: text('field').notNull(),
    code: text('code').notNull(),
    detail: text('detail').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    foreignKey({ columns: [table.merchantId, table.importId], foreignColumns: [catalogImports.merchantId, catalogImports.id] }).onDelete(
      'cascade',
    ),
  ],
)
