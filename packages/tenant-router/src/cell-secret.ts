import { readFileSync } from 'node:fs'

/**
 * The addresses of the cells as the process was given them: the file SOUK_CELLS_FILE as it is now, or else the variable
 * SOUK_CELLS, which stays what it was at the start.
 */
export function cellsText(env: { SOUK_CELLS?: string | undefined; SOUK_CELLS_FILE?: string | undefined }): string | undefined {
  return env.SOUK_CELLS_FILE ? readFileSync(env.SOUK_CELLS_FILE, 'utf8') : env.SOUK_CELLS
}
