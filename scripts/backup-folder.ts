import { basename, join } from 'node:path'
import type { ObjectStore, StoreSettings } from '@souk/local-postgres/object-store.ts'
import { Explained } from './explained.ts'
import type { State } from './state.ts'

/** Where the backups of a server over that data folder go: `base/`, and `wal/` where its log is archived. */
export function backupFolder(state: State, dataDir: string): string {
  return join(process.env.SOUK_BACKUP_DIR || join(state.folder, 'backups'), basename(dataDir))
}

/**
 * With SOUK_BACKUP_DIR or SOUK_BACKUP_S3 set, servers that `npm start` starts archive their log there; it cannot be turned on while
 * one runs.
 */
export function archiveOf(dataDir: string): { walArchive?: string; walOutbox?: string } {
  if (storeSettings(dataDir)) return { walOutbox: outboxOf(dataDir) }
  const root = process.env.SOUK_BACKUP_DIR
  return root ? { walArchive: join(root, basename(dataDir), 'wal') } : {}
}

/** What waits beside the data until the store has it. */
export function outboxOf(dataDir: string): string {
  return `${dataDir}.outbox`
}

/** The store that SOUK_BACKUP_S3 names, with a folder for each server as on a disk; undefined where none is named. */
export async function openBackupStore(dataDir: string): Promise<ObjectStore | undefined> {
  const settings = storeSettings(dataDir)
  if (!settings) return undefined
  // The SDK is large, and most starts have no use for it.
  const { ObjectStore } = await import('@souk/local-postgres/object-store.ts')
  return new ObjectStore(settings)
}

/** `s3://bucket/folder`; credentials and region as the SDK finds them (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, ...). */
function storeSettings(dataDir: string): StoreSettings | undefined {
  const { SOUK_BACKUP_S3: address, SOUK_BACKUP_S3_ENDPOINT: endpoint, SOUK_BACKUP_DIR: folder, AWS_REGION: region } = process.env
  if (!address) return undefined
  if (folder) throw new Explained('SOUK_BACKUP_DIR and SOUK_BACKUP_S3 are both set: backups go to one of them.')
  const [, bucket, path] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*?))?\/?$/.exec(address) ?? []
  if (bucket === undefined) throw new Explained('SOUK_BACKUP_S3 is not of the form s3://bucket/folder.')
  if (endpoint && !URL.canParse(endpoint)) throw new Explained('SOUK_BACKUP_S3_ENDPOINT is not an address such as https://s3.example.com.')
  const prefix = [path, basename(dataDir)].filter(Boolean).join('/')
  return { bucket, prefix, ...(endpoint && { endpoint }), ...(region && { region }) }
}
