import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { SCHEMA_VERSION } from './schema-version.ts'

export interface ProcessReportOptions {
  /** The directory as souk_app. */
  directoryUrl: string
  kind: 'api' | 'worker'
  /** The schema took away what this code uses: the process has to end, and a newer one to be started. */
  onTooOld: () => void
  onError: (error: unknown) => void
  version?: { directory: number; cell: number }
  beatMs?: number
}

export interface ProcessReport {
  /** Says that the process has ended. */
  stop(): Promise<void>
}

export const BEAT_MS = 15_000
const CONNECT_TIMEOUT_S = 5
const STOP_TIMEOUT_MS = 2_000
// Between two beats no connection is kept.
const IDLE_TIMEOUT_S = 2

/** The schema no longer serves this code. */
export class TooOld extends Error {
  constructor(version: { directory: number; cell: number }) {
    super(
      `This release was written for the schema directory ${version.directory}, cell ${version.cell}, and a contract has taken away what it uses. Start a newer one.`,
    )
    this.name = 'TooOld'
  }
}

/**
 * Tells the directory which schema this process was written for, now and every few seconds. Throws TooOld if the schema
 * does not serve it any more. While the directory cannot be reached the process goes on: after two silent minutes it counts as gone.
 */
export async function startProcessReport(options: ProcessReportOptions): Promise<ProcessReport> {
  const { directoryUrl, kind, onTooOld, onError, version = SCHEMA_VERSION, beatMs = BEAT_MS } = options
  const id = randomUUID()
  const stopping = new AbortController()
  const sql = postgres(directoryUrl, {
    max: 1,
    connect_timeout: CONNECT_TIMEOUT_S,
    idle_timeout: IDLE_TIMEOUT_S,
    onnotice: () => {},
    connection: { application_name: 'souk-process-report' },
  })
  const beat = async (): Promise<boolean> => {
    try {
      const [row] = await sql<{ served: boolean }[]>`
        select platform.report_process(${id}, ${kind}, ${`${hostname()}:${process.pid}`}, ${version.directory}, ${version.cell}) as served`
      return row?.served !== false
    } catch (error) {
      onError(error)
      return true
    }
  }
  if (!(await beat())) {
    await sql.end({ timeout: CONNECT_TIMEOUT_S })
    throw new TooOld(version)
  }
  const beating = keepBeating(beat, beatMs, stopping.signal).then((served) => {
    if (!served) onTooOld()
  })
  return {
    stop: async () => {
      stopping.abort()
      await beating
      const signedOff = sql`select platform.sign_off_process(${id})`.catch(() => {})
      await Promise.race([signedOff, sleep(STOP_TIMEOUT_MS, undefined, { ref: false })])
      await sql.end({ timeout: 1 })
    },
  }
}

/** Until it is stopped (true), or not served any more (false). */
async function keepBeating(beat: () => Promise<boolean>, beatMs: number, signal: AbortSignal): Promise<boolean> {
  for (;;) {
    await sleep(beatMs, undefined, { signal, ref: false }).catch(() => {})
    if (signal.aborted) return true
    if (!(await beat())) return false
  }
}
