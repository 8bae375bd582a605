import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { PspControl } from './control.ts'
import type { Entry } from './entries.ts'
import { readLines } from './journal.ts'
import { JOURNAL_FILE } from './psp.ts'
import { State } from './state.ts'
import { type JournalWire, presentJournal } from './wire.ts'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))
const OUTPUT_KEPT = 20_000

/** The provider as a child process, for tests and proofs. It can be killed and started again on the same journal and port. */
export class SandboxPsp {
  readonly control: PspControl
  readonly controlToken: string
  readonly folder: string
  readonly #ownFolder: boolean
  #child: ChildProcess | undefined
  #port: number
  #output = ''

  private constructor(folder: string, ownFolder: boolean, port: number, controlToken: string) {
    this.folder = folder
    this.#ownFolder = ownFolder
    this.#port = port
    this.controlToken = controlToken
    this.control = new PspControl(() => this.url, controlToken)
  }

  /** Without a folder it has one of its own, which goes when it is closed. */
  static async start(options: { folder?: string; port?: number; controlToken?: string } = {}): Promise<SandboxPsp> {
    const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'souk-psp-')))
    const token = options.controlToken ?? randomBytes(24).toString('base64url')
    const psp = new SandboxPsp(folder, options.folder === undefined, options.port ?? 0, token)
    await psp.restart()
    return psp
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get port(): number {
    return this.#port
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** What it last wrote, for the message of a failing test. */
  get output(): string {
    return this.#output
  }

  /** Starts it when it does not run: on the port it had, with the journal it had. */
  async restart(): Promise<void> {
    if (this.isRunning) return
    const env = {
      PORT: String(this.#port),
      SANDBOX_PSP_FOLDER: this.folder,
      SANDBOX_PSP_CONTROL_TOKEN: this.controlToken,
    }
    const child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    child.stderr.on('data', (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString()).slice(-OUTPUT_KEPT)
    })
    const line = await Promise.race([firstLine(child), once(child, 'exit').then(() => undefined)])
    if (line === undefined) throw new Error(`The sandbox provider did not start:\n${this.#output}`)
    this.#port = (JSON.parse(line) as { listening: { port: number } }).listening.port
  }

  /** kill -9 */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  async close(): Promise<void> {
    await this.kill()
    await this.control.close()
    if (this.#ownFolder) await rm(this.folder, { recursive: true, force: true })
  }

  /** What its journal says happened, also while it does not run. */
  async readJournal(): Promise<JournalWire[]> {
    const text = await readFile(join(this.folder, JOURNAL_FILE), 'utf8')
    const state = new State()
    for (const line of readLines<Entry>(text.slice(0, text.lastIndexOf('\n') + 1))) state.apply(line)
    return [...state.payments.values()].map((payment) => presentJournal(state, payment))
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (!this.isRunning) return
    const gone = once(this.#child!, 'exit')
    this.#child!.kill(signal)
    await gone
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  const lines = createInterface({ input: child.stdout! })
  const [line] = (await once(lines, 'line')) as [string]
  return line
}
