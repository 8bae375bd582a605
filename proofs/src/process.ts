import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { request } from 'undici'

const ROOT = new URL('../../', import.meta.url)
// As in the tests of everything: see packages/local-postgres/src/vitest-config.ts.
const COMPILED = fileURLToPath(new URL('node_modules/.cache/compiled', ROOT))
const READY_WITHIN_MS = 120_000
const STOP_WITHIN_MS = 20_000
const OUTPUT_KEPT = 20_000

/** One of the platform's processes, run as in production: its own main file under this Node. */
export class Process {
  readonly #file: string
  #child: ChildProcess | undefined
  #output = ''

  /** `file` is relative to the repository. */
  constructor(file: string) {
    this.#file = fileURLToPath(new URL(file, ROOT))
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error(`${this.#file} does not run`)
    return this.#child.pid
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** What it last wrote, for the message of a failing test. */
  get output(): string {
    return this.#output
  }

  start(environment: Record<string, string>, typed: string[] = []): void {
    const child = spawn(process.execPath, [this.#file, ...typed], {
      env: { PATH: process.env.PATH ?? '', NODE_COMPILE_CACHE: COMPILED, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString()).slice(-OUTPUT_KEPT)
      })
    }
    this.#child = child
  }

  /** Waits until it ends by itself and answers its exit code. */
  async finished(): Promise<number> {
    if (!this.isRunning) return this.#child?.exitCode ?? -1
    const [code] = (await once(this.#child!, 'exit')) as [number | null]
    return code ?? -1
  }

  /** Waits until it answers 200 at that address. Fails when it ends before. */
  async ready(url: string, headers: Record<string, string> = {}): Promise<void> {
    const end = performance.now() + READY_WITHIN_MS
    while (performance.now() < end) {
      if (!this.isRunning) throw new Error(`${this.#file} ended before it was ready:\n${this.#output}`)
      const status = await request(url, { headers }).then(
        async (response) => {
          await response.body.dump()
          return response.statusCode
        },
        () => 0,
      )
      if (status === 200) return
      await pause(20)
    }
    throw new Error(`${this.#file} was not ready within ${READY_WITHIN_MS} ms:\n${this.#output}`)
  }

  async kill(): Promise<void> {
    if (!this.isRunning) return
    const gone = once(this.#child!, 'exit')
    this.#child!.kill('SIGKILL')
    await gone
  }

  /** Lets it go on after it was stopped. */
  wake(): void {
    if (this.isRunning) this.#child!.kill('SIGCONT')
  }

  /** SIGTERM, and the exit code it ends with. */
  async stop(): Promise<number> {
    if (!this.isRunning) return this.#child?.exitCode ?? 0
    const gone = once(this.#child!, 'exit', { signal: AbortSignal.timeout(STOP_WITHIN_MS) })
    this.#child!.kill('SIGTERM')
    const [code] = (await gone) as [number | null]
    return code ?? -1
  }
}
