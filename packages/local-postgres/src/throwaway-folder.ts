import { chmodSync, mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRunning } from './processes.ts'

/**
 * A new folder outside the repository for a server that a test starts (its data folder is to be called `data`). If the test is killed, the next run
 * of any tests stops that server and removes the folder.
 */
export function makeThrowawayFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), `souk-test-${process.pid}-`))
  // Under root the server runs as another user, who has to come in.
  chmodSync(folder, 0o755)
  return folder
}

/** Those whose makers are gone. */
export function abandonedFolders(): string[] {
  return readdirSync(tmpdir())
    .filter((name) => {
      const maker = Number(/^souk-test-(\d+)-\w+$/.exec(name)?.[1])
      return maker > 0 && !isRunning(maker)
    })
    .map((name) => join(tmpdir(), name))
}
