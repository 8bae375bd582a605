import { appendFileSync, chownSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { takeBaseBackup } from '../base-backup.ts'
import { restoreBackup } from '../restore-backup.ts'
import { type LocalServer, startServer } from '../server.ts'
import { makeFleetingFolder } from '../throwaway-folder.ts'

/** A copy of a server that goes on with what is written there, one commit behind the other. */
export interface Standby {
  readonly server: LocalServer
  /** Waits until it has replayed all that its primary has written by now. */
  caughtUp(): Promise<void>
  /** Hears nothing more from its primary: what is committed there from now on it does not have. */
  cutOff(): Promise<void>
  /** Becomes a server of its own, at its primary's port. That is stopped. */
  takeOver(): Promise<LocalServer>
  stop(): Promise<void>
}

const CATCH_UP_POLL_MS = 20
const CATCH_UP_TIMEOUT_MS = 30_000

export async function startStandby(primary: LocalServer, primaryDataDir: string): Promise<Standby> {
  const folder = makeFleetingFolder()
  const dataDir = join(folder, 'standby', 'data')
  const backups = join(folder, 'backups')
  await takeBaseBackup({ adminUrl: primary.adminUrl(), dataDir: primaryDataDir, folder: backups, now: new Date(), durable: false })
  await restoreBackup({ folder: backups, dataDir })
  follow(dataDir, new URL(primary.adminUrl()))
  let server = await startServer({ dataDir, durable: false })
  const end = async () => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  return {
    get server() {
      return server
    },
    caughtUp: () => hasReplayedAll(primary, server),
    cutOff: () =>
      asked(server, async (sql) => {
        await sql`alter system set primary_conninfo = ''`
        await sql`select pg_reload_conf()`
        await until(sql, async () => (await sql`select from pg_stat_wal_receiver`).length === 0)
      }),
    takeOver: async () => {
      await primary.stop()
      await server.stop()
      server = await startServer({ dataDir, port: primary.port, durable: false })
      await asked(server, (sql) => sql`select pg_promote()`)
      return server
    },
    stop: end,
  }
}

function follow(dataDir: string, { port, password }: URL): void {
  const settings = [
    `primary_conninfo = 'host=127.0.0.1 port=${port} user=postgres password=${password}'`,
    // Readers give way at once to what they hold up.
    'max_standby_streaming_delay = 0',
  ]
  appendFileSync(join(dataDir, 'postgresql.auto.conf'), `${settings.join('\n')}\n`)
  const signal = join(dataDir, 'standby.signal')
  writeFileSync(signal, '')
  const { uid, gid } = statSync(dataDir)
  chownSync(signal, uid, gid)
}

async function hasReplayedAll(primary: LocalServer, standby: LocalServer): Promise<void> {
  // Up to what was inserted: a server that does not wait for its disk has answered before it has written, and sends what is written.
  const [row] = await asked(primary, (sql) => sql`select pg_current_wal_insert_lsn()::text as lsn`)
  await asked(standby, (sql) =>
    until(sql, async () => {
      const [there] = await sql`select pg_last_wal_replay_lsn() >= ${row!.lsn}::pg_lsn as all`
      return there!.all as boolean
    }),
  )
}

async function asked<Answer>(server: LocalServer, ask: (sql: postgres.Sql) => Promise<Answer>): Promise<Answer> {
  const sql = postgres(server.adminUrl(), { max: 1, onnotice: () => {} })
  try {
    return await ask(sql)
  } finally {
    await sql.end()
  }
}

async function until(sql: postgres.Sql, is: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + CATCH_UP_TIMEOUT_MS
  while (!(await is())) {
    if (Date.now() > deadline) throw new Error('The standby did not come to it in time.')
    await sql`select pg_sleep(${CATCH_UP_POLL_MS / 1_000})`
  }
}
