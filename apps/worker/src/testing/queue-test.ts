import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createTestShop, type TestMerchant, type TestShop } from '@souk/core/testing/merchant.ts'
import pg from 'pg'
import type { WorkerConfig } from '../config.ts'
import type { FollowersOptions } from '../followers.ts'
import { createLog, type Log } from '../log.ts'
import type { MerchantTask } from '../merchant-task.ts'
import { startWorker, type Worker } from '../worker.ts'
import { TRACE_TABLE, testTasks } from './tasks.ts'

export const CELL = 'shared-1'

export interface Trace {
  label: string
  step: string
  process: number
}

export interface QueuedJob {
  id: string
  task: string
  attempts: number
  locked_by: string | null
  last_error: string | null
  key: string | null
}

/** What a test of the queue needs of its database: jobs put in as core does, and a look at what became of them. */
export class QueueTest {
  readonly shop: TestShop
  readonly config: WorkerConfig
  readonly logged: Record<string, unknown>[] = []
  readonly log: Log
  readonly #admin: pg.Pool
  readonly #workers: Worker[] = []
  readonly #children: ChildProcess[] = []
  readonly #folder = mkdtempSync(join(tmpdir(), 'souk-worker-'))

  static async create(): Promise<QueueTest> {
    const test = new QueueTest(await createTestShop())
    await test.admin(TRACE_TABLE)
    return test
  }

  private constructor(shop: TestShop) {
    this.shop = shop
    const [app, queue] = [shop.database.url('souk_app'), shop.database.url('souk_queue')]
    this.config = {
      directoryUrl: app,
      baseDomain: 'localhost',
      cells: { [CELL]: { app, queue } },
      tokenKeys: shop.keys.keys,
      redirectedHosts: {},
      paymentProviders: {},
      webhookHosts: {},
      internalPort: undefined,
      jobsAtOnce: 2,
      mail: { smtpUrl: undefined, folder: undefined, from: 'no-reply@localhost', storefrontUrl: 'https://{slug}.localhost' },
      logLevel: 'debug',
    }
    this.log = createLog('debug', { write: (line) => this.logged.push(JSON.parse(line)) })
    const tokens = shop.keys.keys.map(({ kid, secret }) => ({ kid, secret: secret.toString('base64') }))
    writeFileSync(this.#keysFile, JSON.stringify({ tokens }))
    this.#admin = new pg.Pool({ connectionString: shop.database.adminUrl, max: 2 })
    this.#admin.on('error', () => {})
  }

  async admin<Row extends pg.QueryResultRow = pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    const { rows } = await (values.length === 0 ? this.#admin.query<Row>(text) : this.#admin.query<Row>(text, values))
    return rows
  }

  async enqueue(
    merchant: TestMerchant,
    task: string,
    payload: object,
    options: { key?: string; attemptsMax?: number } = {},
  ): Promise<void> {
    const { key = null, attemptsMax = 10 } = options
    await merchant.inMerchant(
      (tx) => tx.sql`select queue.enqueue(${task}, ${JSON.stringify(payload)}::jsonb, ${key}, null::timestamptz, ${attemptsMax}::int)`,
    )
  }

  /** What test tasks have done, in order. */
  traces(label: string): Promise<Trace[]> {
    return this.admin<Trace>('select label, step, process from trace where label = $1 order by id', [label])
  }

  steps(label: string): Promise<string[]> {
    return this.traces(label).then((traces) => traces.map((trace) => trace.step))
  }

  async openGate(label: string): Promise<void> {
    await this.admin('insert into gate values ($1)', [label])
  }

  jobs(label: string): Promise<QueuedJob[]> {
    return this.admin<QueuedJob>(
      `select j.id, t.identifier as task, j.attempts::int, j.locked_by, j.last_error, j.key
       from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
       where j.payload ->> 'label' = $1 order by j.id`,
      [label],
    )
  }

  runners(): Promise<{ pool_id: string }[]> {
    return this.admin<{ pool_id: string }>('select pool_id from queue.runner order by pool_id')
  }

  /** A worker in this process. */
  async start(tasks: Record<string, MerchantTask> = testTasks, works: FollowersOptions['works'] = {}): Promise<Worker> {
    const worker = await startWorker(
      this.config,
      () => tasks,
      this.log,
      () => works,
    )
    this.#workers.push(worker)
    return worker
  }

  /** A worker in a process of its own. */
  spawn(program = new URL('worker-process.ts', import.meta.url), more: Record<string, string> = {}): ChildProcess & { output(): string } {
    const child = spawn(process.execPath, [fileURLToPath(program)], {
      env: { ...process.env, ...this.environment(), ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
    this.#children.push(child)
    return Object.assign(child, { output: () => output })
  }

  get #keysFile(): string {
    return join(this.#folder, 'keys.json')
  }

  environment(): Record<string, string> {
    return {
      SOUK_DIRECTORY_URL: this.config.directoryUrl,
      SOUK_CELLS: JSON.stringify(this.config.cells),
      SOUK_KEYS_FILE: this.#keysFile,
      SOUK_WEBHOOK_HOSTS: JSON.stringify(this.config.webhookHosts),
      WORKER_JOBS_AT_ONCE: '2',
      LOG_LEVEL: 'info',
    }
  }

  async stopAll(): Promise<void> {
    for (const child of this.#children.splice(0)) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await Promise.all(this.#workers.splice(0).map((worker) => worker.stop()))
  }

  async close(): Promise<void> {
    await this.stopAll()
    await this.#admin.end()
    await this.shop.close()
    rmSync(this.#folder, { recursive: true })
  }
}

/** Resolves with the exit code, or the signal that ended the process. */
export function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode ?? child.signalCode)
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)))
}
