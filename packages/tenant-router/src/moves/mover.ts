import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import postgres from 'postgres'
import { reconnectDelay } from '../cell-pool.ts'
import { crashPoint } from '../crash-point.ts'
import { lostSide, type MoverAddress, openSide, type Side } from './cell-sides.ts'
import { claimMove, HeldMove, MoveFailed, MoveLost, type MoverMove, MoveSilent, StateChanged } from './held-move.ts'
import { FINAL_STATES, type MoveState } from './move.ts'
import { type MoverLimits, type StepContext, takeStep } from './steps.ts'
import { moverName } from './streams.ts'
import { reasonOf, WATCH_MS } from './switch-home.ts'
import { Watchdog } from './watchdog.ts'

export interface MoverOptions {
  /** As souk_mover, at the directory database. */
  directoryUrl: string
  /** Asked each time, for cells may be added. Moves between others are left to other movers. */
  cells: () => Readonly<Record<string, MoverAddress>>
  log: MoverLog
  limits?: Partial<MoverLimits>
}

/** What a line of the log says. */
export interface MoveFacts {
  moveId?: string
  merchantId?: string
  state?: string
  direction?: string
  error?: string
}

export interface MoverLog {
  info(facts: MoveFacts, message: string): void
  warn(facts: MoveFacts, message: string): void
}

// What neighbours feel of it, and what they felt of more: docs/moves.md. A small merchant is moved in a few minutes.
const WORK_SHARE = 0.04
const DEFAULT_LIMITS: MoverLimits = {
  decodingMax: 2,
  watchMs: WATCH_MS,
  compareEveryMs: 10 * 60_000,
  stalledAfterMs: 120_000,
  // Longer than any one statement of a move takes.
  silentAfterMs: 15 * 60_000,
  writerAgeMaxMs: 30_000,
  workShare: WORK_SHARE,
}
const MOVES_AT_ONCE = 4
const POLL_MS = 500
const RETRY_MS = 2_000
const LISTEN_EVERY_MS = 1_000
// A process that ends waits no longer for an answer than this. What was asked is over there as soon as another mover comes.
const SILENT_AT_THE_END_MS = 10_000
const TROUBLES_MAX = 1_000
// What goes wrong for longer than this before the switch is given up.
const TROUBLE_MAX_MS = 10 * 60_000
const BEFORE_THE_SWITCH: MoveState[] = ['requested', 'preflight', 'seeding', 'catching_up', 'verifying']

/**
 * Carries out moves: takes the next one that is due by a lease, and goes from state to state until it rests or has ended. May be
 * killed anywhere; another one, in any process, goes on from the state that was reached. Beside it a watchdog ends fences
 * whose time is over, whoever put them up.
 */
export class Mover {
  readonly #options: MoverOptions
  readonly #directory: postgres.Sql
  readonly #limits: MoverLimits
  readonly #stopping = new AbortController()
  readonly #running = new Set<Promise<void>>()
  readonly #troubles = new LRUCache<string, { state: MoveState; since: number }>({ max: TROUBLES_MAX })
  readonly #watchdog: Watchdog
  #loop: Promise<void> | undefined

  constructor(options: MoverOptions) {
    this.#options = options
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.#directory = postgres(options.directoryUrl, {
      max: 4,
      connect_timeout: 5,
      backoff: reconnectDelay,
      onnotice: () => {},
      connection: { application_name: 'souk-mover' },
    })
    this.#watchdog = new Watchdog(this.#directory, options.cells, options.log)
  }

  start(): void {
    this.#loop ??= this.#work()
    this.#watchdog.start()
  }

  /** Gives every move back and hangs up. A switch that is under way is completed or taken back first. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#loop
    await Promise.all(this.#running)
    await this.#watchdog.stop()
    await this.#directory.end({ timeout: 1 })
  }

  async #work(): Promise<void> {
    const { log } = this.#options
    let reported = false
    while (!this.#stopping.signal.aborted) {
      try {
        while (this.#running.size < MOVES_AT_ONCE && (await this.#takeOne())) reported = false
      } catch (error) {
        if (!reported) log.warn({ error: reasonOf(error) }, 'moves not looked for, trying on')
        reported = true
      }
      await sleep(POLL_MS, undefined, { signal: this.#stopping.signal }).catch(() => {})
    }
  }

  /** Begins to work on the next move that is due. False: there is none. */
  async #takeOne(): Promise<boolean> {
    const cells = this.#options.cells()
    // Of this time alone: whatever this process still had in hand from an earlier one is another's.
    const owner = randomUUID()
    const move = await claimMove(this.#directory, owner, Object.keys(cells), this.#limits.decodingMax)
    if (!move) return false
    crashPoint('move.claimed')
    const running = this.#run(owner, move, cells).finally(() => this.#running.delete(running))
    this.#running.add(running)
    return true
  }

  async #run(owner: string, move: MoverMove, cells: Readonly<Record<string, MoverAddress>>): Promise<void> {
    const { log } = this.#options
    const held = new HeldMove(this.#directory, owner, move, this.#stopping.signal, this.#limits.workShare)
    const name = moverName(move.id, owner)
    const open = (cell: string) => (cell === move.lostCell ? lostSide(cell) : openSide(cell, cells[cell]!, name))
    const sides: [Side, Side] = [open(move.fromCell), open(move.toCell)]
    try {
      await this.#step({ held, sides, limits: this.#limits })
    } catch (error) {
      log.warn({ moveId: move.id, error: reasonOf(error) }, 'move left to others')
    } finally {
      held.stop()
      await Promise.all(sides.map((side) => (side.cell === move.lostCell ? undefined : side.sql.end({ timeout: 1 }))))
    }
  }

  async #step(context: StepContext): Promise<void> {
    const { held } = context
    for (;;) {
      const { state, direction, id, merchantId, figures } = held.move
      if (FINAL_STATES.includes(state)) return held.release()
      try {
        const restMs = await this.#whileHeard(held, takeStep(context))
        if (held.move.figures.can_roll_back === false && figures.can_roll_back !== false)
          this.#options.log.warn({ moveId: id, merchantId, state, error: held.move.failure ?? '' }, 'no way back')
        if (held.move.state === state) await this.#afterGoodStep(held)
        if (restMs !== undefined) return held.release(restMs)
        const facts = { moveId: id, merchantId, state: held.move.state, direction: held.move.direction }
        if (held.move.state !== state || held.move.direction !== direction) this.#options.log.info(facts, 'move')
      } catch (error) {
        if (!(await this.#afterTrouble(held, error))) return
      }
    }
  }

  /** What a step answers. A server may vanish without a word, and with it every answer: no lease is held for that. */
  async #whileHeard<Answer>(held: HeldMove, step: Promise<Answer>): Promise<Answer> {
    let timer: NodeJS.Timeout | undefined
    const { silentAfterMs } = this.#limits
    const silence = new Promise<never>((_, reject) => {
      const listen = () => {
        const mostMs = this.#stopping.signal.aborted ? Math.min(SILENT_AT_THE_END_MS, silentAfterMs) : silentAfterMs
        if (held.silentMs > mostMs) reject(held.giveUp())
      }
      timer = setInterval(listen, LISTEN_EVERY_MS)
    })
    try {
      return await Promise.race([step, silence])
    } finally {
      clearInterval(timer)
    }
  }

  /** A move is watched for a day: what went wrong for a moment of it is not said for the rest. What ended its way back is. */
  async #afterGoodStep(held: HeldMove): Promise<void> {
    const { id, state, figures } = held.move
    if (state !== 'watching' || this.#troubles.get(id)?.state !== state || figures.can_roll_back === false) return
    this.#troubles.delete(id)
    await held.note({}, null)
  }

  /** How long things have gone wrong in this state of the move. */
  #troubledFor(moveId: string, state: MoveState): number {
    const known = this.#troubles.get(moveId)
    const since = known?.state === state ? known.since : performance.now()
    this.#troubles.set(moveId, { state, since })
    return performance.now() - since
  }

  /** True: go on with the state the move has now. */
  async #afterTrouble(held: HeldMove, error: unknown): Promise<boolean> {
    if (error instanceof MoveLost) {
      if (error instanceof MoveSilent) {
        const { id, merchantId, state } = held.move
        this.#options.log.warn({ moveId: id, merchantId, state, error: error.message }, 'move left, to be begun again')
        await held.note({}, error.message).catch(() => {})
      }
      await held.release().catch(() => {})
      return false
    }
    if (error instanceof StateChanged) {
      await held.reload()
      return true
    }
    const { id, merchantId, state } = held.move
    const failure = reasonOf(error)
    this.#options.log.warn({ moveId: id, merchantId, state, error: failure }, 'move in trouble')
    const hopeless = error instanceof MoveFailed || this.#troubledFor(id, state) > TROUBLE_MAX_MS
    try {
      if (hopeless && BEFORE_THE_SWITCH.includes(state)) await held.advance('aborting', { failure })
      else if (hopeless && state === 'rolling_back') await held.advance('watching', { failure, direction: 'forward' })
      else {
        await held.note({}, failure)
        await held.release(RETRY_MS)
        return false
      }
      return true
    } catch (further) {
      if (!(further instanceof StateChanged)) throw further
      await held.reload()
      return true
    }
  }
}
