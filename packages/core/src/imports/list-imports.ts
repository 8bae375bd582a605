import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, asc, desc, eq, gt, lt, or } from 'drizzle-orm'
import { mine } from '../mine.ts'
import { Refusal } from '../refusal.ts'
import { catalogImportProblems, catalogImports } from './tables.ts'

export type CatalogImport = typeof catalogImports.$inferSelect
export type CatalogImportProblem = typeof catalogImportProblems.$inferSelect

/** An import by its id. Refuses `not_found`. */
export async function importById(tx: Tx, importId: string): Promise<CatalogImport> {
  const [found] = await tx
    .select()
    .from(catalogImports)
    .where(and(mine(tx, catalogImports), eq(catalogImports.id, importId)))
  if (!found) throw new Refusal('not_found', { detail: 'There is no such import.' })
  return found
}

/** The merchant's imports, newest first; `next` is where the list goes on. */
export async function listImports(
  tx: Tx,
  page: { limit: number; after?: string | undefined },
): Promise<{ imports: CatalogImport[]; next: string | null }> {
  const rows = await tx
    .select()
    .from(catalogImports)
    .where(and(mine(tx, catalogImports), page.after ? lt(catalogImports.id, page.after) : undefined))
    .orderBy(desc(catalogImports.id))
    .limit(page.limit + 1)
  const imports = rows.slice(0, page.limit)
  return { imports, next: rows.length > page.limit ? imports.at(-1)!.id : null }
}

/** The row report in the order of the file; `next` is the line and id after which it goes on. Refuses `not_found`. */
export async function listProblems(
  tx: Tx,
  importId: string,
  page: { limit: number; after?: readonly [line: string, id: string] | undefined },
): Promise<{ problems: CatalogImportProblem[]; next: [line: string, id: string] | null }> {
  await importById(tx, importId)
  const { line, id } = catalogImportProblems
  const onwards = page.after && or(gt(line, BigInt(page.after[0])), and(eq(line, BigInt(page.after[0])), gt(id, page.after[1])))
  const rows = await tx
    .select()
    .from(catalogImportProblems)
    .where(and(mine(tx, catalogImportProblems), eq(catalogImportProblems.importId, importId), onwards))
    .orderBy(asc(line), asc(id))
    .limit(page.limit + 1)
  const problems = rows.slice(0, page.limit)
  const last = problems.at(-1)
  return { problems, next: rows.length > page.limit && last ? [last.line.toString(), last.id] : null }
}
