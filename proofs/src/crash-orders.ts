import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CrashOrder, passesFile } from '@souk/tenant-router/crash-point.ts'

export type Armed = 'api' | 'worker'

/** Has running processes die where they are told to, without a start for each death; and hears which crash points they pass. */
export class CrashOrders {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async open(): Promise<CrashOrders> {
    return new CrashOrders(await mkdtemp(join(tmpdir(), 'souk-crash-')))
  }

  /** For the environment of a process that is to take orders. */
  environment(process: Armed): Record<string, string> {
    return { SOUK_CRASH_AT: `@${this.#file(process)}` }
  }

  /** From now on passes are counted, and at the nth of that point somebody is killed: the process itself, if nobody is named. */
  give(process: Armed, order: CrashOrder): void {
    const draft = `${this.#file(process)}.draft`
    writeFileSync(draft, JSON.stringify({ ...order, given: performance.now() }))
    renameSync(draft, this.#file(process))
  }

  /** Whether an order still waits to be carried out. */
  isOpen(process: Armed): boolean {
    return existsSync(this.#file(process))
  }

  withdraw(process: Armed): void {
    rmSync(this.#file(process), { force: true })
  }

  /** The points a process has passed since this was last asked. */
  passed(process: Armed): string[] {
    const file = passesFile(this.#file(process))
    if (!existsSync(file)) return []
    const taken = `${file}.taken`
    renameSync(file, taken)
    return readFileSync(taken, 'utf8').split('\n').filter(Boolean)
  }

  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true })
  }

  #file(process: Armed): string {
    return join(this.#folder, process)
  }
}
