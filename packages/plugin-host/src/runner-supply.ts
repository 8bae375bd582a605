import { type Confinement, findConfinement } from './confinement.ts'
import { RunnerProcess, type RunnerSettings } from './runner-process.ts'

const PAUSE_MS_FIRST = 100
const PAUSE_MS_MAX = 5_000

export interface SupplySettings extends Omit<RunnerSettings, 'launcher'> {
  /** Runners kept ready beyond those at work. */
  spares: number
  onFailure(detail: string): void
}

/** Starts runners, and keeps some that have never run anything: a killed one is replaced at once, not after the 0.1 s that a start takes. */
export class RunnerSupply {
  readonly #settings: SupplySettings
  readonly #spares = new Set<RunnerProcess>()
  readonly #all = new Set<RunnerProcess>()
  #confinement: Promise<Confinement> | undefined
  #replenishing: Promise<void> | undefined
  #isClosed = false
  confinement: Confinement | undefined
  starts = 0
  /** Why the last start failed; undefined after one that did not. */
  failure: string | undefined

  constructor(settings: SupplySettings) {
    this.#settings = settings
  }

  get spares(): number {
    return this.#spares.size
  }

  /** One that is ready, if there is one. */
  takeSpare(): RunnerProcess | undefined {
    for (const spare of this.#spares) {
      this.#spares.delete(spare)
      if (spare.isGone) continue
      this.replenish()
      return spare
    }
    return undefined
  }

  /** A runner that is ready. Tries until it succeeds; undefined when closed meanwhile. */
  async start(): Promise<RunnerProcess | undefined> {
    for (let pauseMs = PAUSE_MS_FIRST; !this.#isClosed; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
      const spare = this.takeSpare()
      if (spare !== undefined) return spare
      const started = await this.#startOne()
      if (started !== undefined) return started
      await new Promise<void>((resolve) => setTimeout(resolve, pauseMs).unref())
    }
    return undefined
  }

  /** Starts spares until there are enough, one after the other and behind everything else. */
  replenish(): void {
    this.#replenishing ??= this.#fillUp().finally(() => {
      this.#replenishing = undefined
    })
  }

  /** Settles when no spare is being started. */
  async settled(): Promise<void> {
    await this.#replenishing
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#all].map((runner) => runner.close()))
    await this.#replenishing
  }

  async #fillUp(): Promise<void> {
    for (const spare of this.#spares) if (spare.isGone) this.#spares.delete(spare)
    while (this.#spares.size < this.#settings.spares && !this.#isClosed) {
      const started = await this.#startOne()
      if (started === undefined) return
      this.#spares.add(started)
    }
  }

  async #startOne(): Promise<RunnerProcess | undefined> {
    try {
      const { file, memoryBytesMax, controlGroup, putOffMsMax } = this.#settings
      this.#confinement ??= findConfinement(file)
      this.confinement = await this.#confinement
      if (this.#isClosed) return undefined
      const runner = new RunnerProcess({ file, memoryBytesMax, controlGroup, putOffMsMax, launcher: this.confinement.launcher })
      this.#all.add(runner)
      void runner.exited.then(() => this.#all.delete(runner))
      await runner.ready
      this.starts++
      this.failure = undefined
      return runner
    } catch (error) {
      if (this.#isClosed) return undefined
      this.failure = error instanceof Error ? error.message : String(error)
      this.#settings.onFailure(this.failure)
      return undefined
    }
  }
}
