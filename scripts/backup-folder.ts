import { basename, join } from 'node:path'
import type { State } from './state.ts'

/** Where the backups of a server over that data folder go: `base/`, and `wal/` where its log is archived. */
export function backupFolder(state: State, dataDir: string): string {
  return join(process.env.SOUK_BACKUP_DIR || join(state.folder, 'backups'), basename(dataDir))
}

/** With SOUK_BACKUP_DIR set, servers that `npm start` starts archive their log there; it cannot be turned on while one runs. */
export function archiveOf(dataDir: string): { walArchive?: string } {
  const root = process.env.SOUK_BACKUP_DIR
  return root ? { walArchive: join(root, basename(dataDir), 'wal') } : {}
}
