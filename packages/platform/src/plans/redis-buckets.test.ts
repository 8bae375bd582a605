import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RedisBuckets, redisBuckets } from './redis-buckets.ts'
import { RequestTokens } from './request-tokens.ts'

// On a real Redis. SOUK_REDIS names the program where it is not on the path.

const PROGRAM = process.env.SOUK_REDIS || 'redis-server'
const WITHIN_MS = 300_000
const isThere = spawnSync(PROGRAM, ['--version']).status === 0
if (!isThere) console.log(`Not tried with Redis: there is no ${PROGRAM} here.`)

/** The least that a plan can say: within a test none is made up for. */
const SLOW = { per_second: 0.01, burst: 60 }

describe.skipIf(!isThere)('requests counted in Redis', () => {
  let redis: TestRedis
  const opened: RedisBuckets[] = []
  const errors: unknown[] = []

  beforeAll(async () => {
    redis = await TestRedis.make()
    await redis.start()
  })
  afterAll(async () => {
    for (const buckets of opened) buckets.close()
    await redis.close()
  })

  /** As a process has it. */
  async function open(): Promise<RedisBuckets> {
    const buckets = redisBuckets(redis.url, (error) => void errors.push(error))
    opened.push(buckets)
    await until(() => isAnswered(buckets))
    return buckets
  }

  it('are refused by all processes together, and let through again as time goes on', async () => {
    const processes = await Promise.all([open(), open(), open()])
    const tokens = processes.map((buckets) => new RequestTokens({ buckets, onError: fail }))
    const answers = await Promise.all(tokens.flatMap((one) => Array.from({ length: 100 }, async () => one.take('together', SLOW))))
    expect(answers.filter(({ granted }) => granted)).toHaveLength(60)
    const refused = answers.filter(({ granted }) => !granted)
    expect(refused.every(({ waitMs }) => waitMs > 0 && waitMs <= 100_000)).toBe(true)

    const quick = { per_second: 50, burst: 1 }
    expect((await tokens[0]!.take('again', quick)).granted).toBe(true)
    await until(async () => (await tokens[1]!.take('again', quick)).granted)
  })

  it('are a full bucket for each merchant, of which nothing is kept once it is full again', async () => {
    const buckets = await open()
    expect(await buckets.take('small', { per_second: 1_000, burst: 5 }, 3)).toEqual({ granted: 3, waitMs: 0, remaining: 2 })
    expect(await buckets.take('other', SLOW, 100)).toEqual({ granted: 60, waitMs: 0, remaining: 0 })
    expect(await buckets.take('other', SLOW, 1)).toMatchObject({ granted: 0, remaining: 0 })
    // A second after the bucket is full.
    await until(async () => !(await redis.keys()).includes('souk:requests:small'))
    expect(await redis.keys()).toContain('souk:requests:other')
  })

  it('are counted by each process alone while Redis is away, and together when it is back', async () => {
    const buckets = await open()
    let now = 0
    const tokens = new RequestTokens({ buckets, onError: (error) => void errors.push(error), clock: () => now })
    const granted = async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, async () => tokens.take('alone', { per_second: 0.01, burst: 5 })))
      return answers.filter((answer) => answer.granted).length
    }
    errors.length = 0
    await redis.stop()
    await until(async () => !(await isAnswered(buckets)))
    expect(await granted()).toBe(5)
    expect(errors.length).toBeGreaterThan(0)
    await redis.start()
    await until(() => isAnswered(buckets))
    now += 2_000
    // The first makes it ask, and is still counted here.
    await tokens.take('alone', { per_second: 0.01, burst: 5 })
    await until(async () => (await redis.keys()).includes('souk:requests:alone'))
  })
})

const fail = (error: unknown) => {
  throw error
}

async function isAnswered(buckets: RedisBuckets): Promise<boolean> {
  return buckets.take('anybody', { per_second: 100, burst: 100 }, 1).then(
    () => true,
    () => false,
  )
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + WITHIN_MS
  while (!(await what())) {
    if (performance.now() > deadline) throw new Error('waited for nothing')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** A Redis of the test's own, without a password, at the loopback alone. */
class TestRedis {
  readonly #folder = mkdtempSync(join(tmpdir(), 'souk-redis-'))
  readonly #port: number
  #process: ChildProcess | undefined

  private constructor(port: number) {
    this.#port = port
  }

  static async make(): Promise<TestRedis> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    await new Promise((resolve) => server.close(resolve))
    return new TestRedis(port)
  }

  get url(): string {
    return `redis://127.0.0.1:${this.#port}`
  }

  async start(): Promise<void> {
    const settings = ['--port', String(this.#port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', this.#folder]
    this.#process = spawn(PROGRAM, settings, { stdio: 'ignore' })
    const buckets = redisBuckets(this.url, () => {})
    await until(() => isAnswered(buckets)).finally(() => buckets.close())
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process?.once('exit', resolve))
    this.#process?.kill('SIGKILL')
    await ended
  }

  async keys(): Promise<string[]> {
    const { createClient } = await import('@redis/client')
    const client = await createClient({ url: this.url }).connect()
    try {
      return await client.keys('*')
    } finally {
      client.destroy()
    }
  }

  async close(): Promise<void> {
    await this.stop()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
