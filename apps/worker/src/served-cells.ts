import type { CellEntry } from '@souk/tenant-router/directory.ts'

/** What WORKER_CELLS may say beside names: all cells of a kind, those too that are added later. */
const OF_KIND = /^(shared|dedicated):\*$/

/** Whether it takes the directory to say which cells are meant. */
export function namesKinds(worksFor: readonly string[] | undefined): boolean {
  return worksFor?.some((word) => OF_KIND.test(word)) ?? false
}

/** Whether a process that was told to work for these works on the cell's queue. A cell that is not registered is of no kind. */
export function serves(worksFor: readonly string[] | undefined, cell: { name: string; kind?: CellEntry['kind'] | undefined }): boolean {
  if (worksFor === undefined || worksFor.includes(cell.name)) return true
  return cell.kind !== undefined && worksFor.includes(`${cell.kind}:*`)
}
