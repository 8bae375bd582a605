import { createHash } from 'node:crypto'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import postgres from 'postgres'
import type { Account } from './account.ts'
import { CannotStart } from './cannot-start.ts'
import type { ObjectStore } from './object-store.ts'
import { ARCHIVE_TIMEOUT, openArchive } from './wal-archive.ts'

// A server hands its finished segments to a store by way of a folder: it puts one there and waits until it is gone, and it is gone when
// the store has it. So the server itself needs no network, no credentials and no Node, and believes no segment safe that is not.

/** How long one attempt of the server waits. It tries again for as long as it takes, and keeps the segment meanwhile. */
const WAIT_TENTHS_OF_S = 250
const LOOK_EVERY_MS = 100
const RETRY_MS = 2_000
const POLL_MS = 50
const HANDED_OVER = /^[0-9A-F]{8,24}(\.[0-9A-F]+)?(\.(history|backup|partial))?$/

export interface Shipping {
  /** Sends what is there, and ends. */
  stop(): Promise<void>
}

/** The settings under which a server hands its segments to that folder. */
export function outboxSettings(folder: string, account: Account | undefined): Record<string, string> {
  const path = openArchive(folder, account).replaceAll('%', '%%')
  const [from, to, half] = [`'%p'`, `'${path}/%f'`, `'${path}/%f.part'`]
  return {
    archive_mode: 'on',
    archive_timeout: ARCHIVE_TIMEOUT,
    // One of that name may lie there from an attempt that was given up, or from a server that is no more.
    archive_command:
      `cmp -s ${from} ${to} || { cp ${from} ${half} && mv ${half} ${to}; } || exit 1; ` +
      `i=0; while test -f ${to}; do i=$((i+1)); test $i -gt ${WAIT_TENTHS_OF_S} && exit 1; sleep 0.1; done`,
  }
}

/** Sends what a server hands over, for as long as it is not stopped. Stop it after the server: that waits for the last ones. */
export function shipOutbox(options: { folder: string; store: ObjectStore; log: (line: string) => void }): Shipping {
  const stopping = new AbortController()
  const running = (async () => {
    while (!stopping.signal.aborted) {
      const failed = await shipOnce(options).then(
        () => false,
        (error: Error) => {
          options.log(`The log could not be archived, and is tried again: ${error.message}`)
          return true
        },
      )
      await pause(failed ? RETRY_MS : LOOK_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => {})
    }
  })()
  return {
    stop: async () => {
      stopping.abort()
      await running
    },
  }
}

/** In their order. One that the store has already is the same one, sent before a crash; another under its name is never written over. */
async function shipOnce({ folder, store }: { folder: string; store: ObjectStore }): Promise<void> {
  // There is none yet where the server runs since before it was told to archive.
  const found = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const names = found.filter((name) => HANDED_OVER.test(name)).sort()
  for (const name of names) {
    const content = await readFile(join(folder, name))
    const sha256 = createHash('sha256').update(content).digest('hex')
    const stored = await store.facts(storedName(name))
    if (stored !== undefined && stored.sha256 !== sha256) throw new Error(`the store has another ${name}: is it another server's?`)
    if (stored === undefined) await store.put(storedName(name), gzipSync(content), { sha256 })
    await rm(join(folder, name))
  }
}

/** How a segment is called in the store. */
export function storedName(name: string): string {
  return `wal/${name}.gz`
}

/** Ends the current segment and waits until the store has it: everything committed before can then be restored. */
export async function shipEverything(adminUrl: string, timeoutMs: number): Promise<void> {
  const admin = postgres(adminUrl, { max: 1, onnotice: () => {} })
  try {
    const [row] = await admin<{ mode: string; segment: string }[]>`
      select current_setting('archive_mode') as mode, pg_walfile_name(pg_switch_wal() - 1) as segment`
    if (row?.mode !== 'on') throw new CannotStart('This server does not archive its write-ahead log. Start it with SOUK_BACKUP_S3 set.')
    const deadline = performance.now() + timeoutMs
    for (;;) {
      const [archiver] = await admin<{ has: boolean | null; failed: string | null }[]>`
        select substr(last_archived_wal, 9, 16) >= ${row.segment.slice(8)} as has, last_failed_wal as failed from pg_stat_archiver`
      if (archiver?.has) return
      if (performance.now() > deadline)
        throw new CannotStart(`The store did not take ${row.segment} in time${archiver?.failed ? `, nor ${archiver.failed} before` : ''}.`)
      await pause(POLL_MS)
    }
  } finally {
    await admin.end()
  }
}
