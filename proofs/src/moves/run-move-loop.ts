import { setTimeout as pause } from 'node:timers/promises'
import type { Move, MoveState } from '@souk/tenant-router/moves/move.ts'
import type { Wrong } from '../faults/check-world.ts'
import { Seeded } from '../faults/seeded.ts'
import { type AskedAgain, askedAgain, type StateSpan, whenAskedAgain } from './asked-again.ts'
import { type Blow, underBlow } from './blows.ts'
import { checkMoney, checkOrders, conflicts, leftBehind, waitForQuiet, wrongHomeWrites } from './check-moves.ts'
import { disturb, type Stroke } from './disturb.ts'
import { gapAcross, longestGap, ms, percentile, type Span } from './figures.ts'
import { CELLS, type MovingWorld } from './moving-world.ts'
import { type Request, Shopper } from './shopper.ts'
import { startWriteLoad, type WriteLoadReport } from './start-write-load.ts'
import { watchStolen, whileQuiet } from './stolen.ts'
import { watchWritability } from './writability.ts'

/** Whoever was told of orders. */
type Buyer = Pick<Shopper, 'confirmed'>

export interface LoopOptions {
  seed: number
  /** How often the home changes: by a move, or by taking one back. */
  switches: number
  /** Buyers of the moved shop, and of each neighbour; and how often each of them buys. 0: as fast as it goes. */
  buyers: number
  buyersEveryMs: number
  neighbourBuyers: number
  neighbourEveryMs: number
  /** Buying before anything is compared: processes that have just started, and tables without statistics, are slow for minutes. */
  warmUpMs?: number
  /** After that and before the first move, for comparison. */
  calmMs: number
  /** And after each one that is done, for as long as it took: what else goes on at the machine is the same for both. */
  calmBetween?: boolean
  /** Something is killed about this often; 0: never. */
  killEveryMs: number
  /** Write transactions in a second at the moved shop, past HTTP, beside the buyers; none without it. */
  writesPerSecond?: number
  /** What happens to the mover in the first move. */
  blow?: Blow
  told?(line: string): void
}

/** One change of home. */
export interface Switch {
  direction: 'forward' | 'back'
  /** As the mover measured it. */
  figures: Move['figures']
  /** As buyers saw it: the longest time without a confirmed order, and the slowest request, about the switch. */
  gapMs: number
  worstRequestMs: number
  /** The longest time in which the shop could not be written to, by whoever goes through the door. */
  closedMs: number
  /** When it was seen, by the machine's clock. */
  at: number
}

export interface LoopReport {
  seed: number
  switches: Switch[]
  /** Switches that were asked for and taken back, because something had been killed. */
  aborted: number
  confirmed: { moved: number; neighbours: number }
  /** Confirmed orders of the moved shop in a second, over all of it. */
  ordersPerSecond: number
  /** Answers of 5xx and broken connections that were cured by asking again. */
  askedAgain: AskedAgain[]
  strokes: Stroke[]
  writes?: WritesSeen
  /** Checkouts of the neighbours: while nobody moved, and while somebody did; and of each move with the calm before and after it. */
  neighbours: Beside & { pairs: Beside[] }
  /** Of these, by what they pay with: by card takes several round trips and is seldom, so that p95 of all is about the middle of those. */
  neighboursByKind: { invoice: Beside; card: Beside }
  /** Of all these, those during which the host of this machine took none of its processors: the others are as much about who else is there. */
  neighboursWhileQuiet: Beside
  /** And by what the move was at: for how long in all, and what they took then. */
  neighboursByState: { state: MoveState; ms: number; requests: Request[] }[]
  /** Reads of the moved shop, likewise. */
  reads: Beside
  wrong: Wrong[]
}

export interface Beside {
  calm: Request[]
  moving: Request[]
}

/** What those saw who write past HTTP. */
export interface WritesSeen {
  confirmed: number
  perSecond: number
  /** About each switch: the longest time without a confirmed write, and the slowest write. */
  gapsMs: number[]
  slowestMs: number[]
  /** From the last write that was confirmed at the old home to the first one at the new home. */
  acrossMs: number[]
  /** How many had no turn in time and were asked again, and how many of these about a switch. */
  refused: number
  refusedNear: number
  calmP95Ms: number | undefined
}

// What is looked at about a switch; its buyers must be served again within two seconds, whatever was killed.
const BEFORE_MS = 1_000
const AFTER_MS = 3_000
const CALM_AFTER_MS = 500
// Longer than this has a reason, which is told.
const LONG_CLOSED_MS = 1_500
const SETTLES_WITHIN_MS = 400
const CARD_EVERY = 10

/** Buyers buy at three shops while one of them moves to and fro. Then everything that must hold is looked at. */
export async function runMoveLoop(world: MovingWorld, options: LoopOptions): Promise<LoopReport> {
  const seeded = new Seeded(options.seed)
  const byCard = (order: number) => order % CARD_EVERY === 0
  const shoppers = (shop: MovingWorld['moved'], count: number, everyMs: number) =>
    Array.from(
      { length: count },
      (_, n) => new Shopper(shop, { name: `${options.seed}-${shop.slug}-${n}`, variants: shop.variants, byCard, everyMs }),
    )
  const moved = shoppers(world.moved, options.buyers, options.buyersEveryMs)
  const neighbours = world.neighbours.map((shop) => shoppers(shop, options.neighbourBuyers, options.neighbourEveryMs))
  const everybody = [...moved, ...neighbours.flat()]
  const door = await watchWritability(world)
  const host = watchStolen()
  const startedAt = performance.now()
  const shopping = Promise.all(everybody.map((shopper) => shopper.shop()))
  await pause(options.warmUpMs ?? 0)
  const calm = await calmFor(options.calmMs)
  const load = options.writesPerSecond === undefined ? undefined : await startWriteLoad(world, options.writesPerSecond)
  const killer = options.killEveryMs > 0 ? disturb(world, new Seeded(options.seed + 1), { everyMs: options.killEveryMs }) : undefined
  const went = await moveToAndFro(world, seeded, options, calm)
  const strokes = (await killer?.stop()) ?? []
  const endedAt = performance.now()
  for (const shopper of everybody) shopper.stop()
  await shopping
  const openAt = await door.stop()
  const written = await load?.stop()
  const stolen = await host.stop()
  const seconds = (performance.now() - startedAt) / 1_000
  const switches = went.switches.map((seen) => asBuyersSawIt(seen, moved, openAt, endedAt))
  if (!killer) for (const line of [...whenAskedAgain(everybody, went.states), ...world.lockWaits()]) options.told?.(line)
  for (const [nth, seen] of switches.entries()) if (seen.closedMs > LONG_CLOSED_MS) options.told?.(whyClosed(nth + 1, seen, strokes))
  const wrong = [...went.wrong, ...(await checkAll(world, written ? [...moved, written] : moved, neighbours))]
  wrong.push(...moved.concat(neighbours.flat()).flatMap(({ refused }) => refused.map((of) => ({ what: 'a buyer was refused', of }))))
  if (everybody.some(({ requests }) => requests.some(({ status }) => status === 500)))
    wrong.push({ what: 'a request was answered 500', of: { log: world.house.api.output } })
  if (written && written.failures.length > 0) wrong.push({ what: 'writes failed', of: written.failures.slice(0, 20) })
  const beside = (shoppers: readonly Shopper[], whats: readonly Request['what'][]) => inSpans(shoppers, whats, went.calm, went.moving)
  const besideAll = beside(neighbours.flat(), ['checkout', 'checkout by card'])
  return {
    seed: options.seed,
    switches,
    aborted: went.aborted,
    confirmed: { moved: count(moved), neighbours: count(neighbours.flat()) },
    ordersPerSecond: count(moved) / seconds,
    askedAgain: askedAgain(everybody),
    strokes,
    ...(written && { writes: writesSeen(written, switches) }),
    neighbours: {
      ...besideAll,
      pairs: went.beside.map(([moving, around]) => inSpans(neighbours.flat(), ['checkout', 'checkout by card'], around, [moving])),
    },
    neighboursByKind: { invoice: beside(neighbours.flat(), ['checkout']), card: beside(neighbours.flat(), ['checkout by card']) },
    neighboursWhileQuiet: { calm: whileQuiet(besideAll.calm, stolen), moving: whileQuiet(besideAll.moving, stolen) },
    neighboursByState: [...Map.groupBy(went.states, ({ state }) => state)].map(([state, spans]) => ({
      state,
      ms: spans.reduce((sum, { from, to }) => sum + to - from, 0),
      requests: inSpans(neighbours.flat(), ['checkout', 'checkout by card'], [], spans).moving,
    })),
    reads: beside(moved, ['product']),
    wrong,
  }
}

type SeenSwitch = Pick<Switch, 'direction' | 'figures' | 'at'>

interface Went {
  switches: SeenSwitch[]
  aborted: number
  moving: Span[]
  calm: Span[]
  /** Each move with the calm before and after it. */
  beside: [moving: Span, calm: Span[]][]
  /** In their order, without gaps while somebody moves. */
  states: StateSpan[]
  wrong: Wrong[]
}

async function moveToAndFro(world: MovingWorld, seeded: Seeded, options: LoopOptions, before: Span): Promise<Went> {
  const went: Went = { switches: [], aborted: 0, moving: [], calm: [before], beside: [], states: [], wrong: [] }
  let { blow } = options
  while (went.switches.length < options.switches) {
    const [home, other] = (await world.home()) === CELLS[0] ? CELLS : ([CELLS[1], CELLS[0]] as const)
    const from = performance.now()
    let moveId = ''
    let isThere = false
    const missed = await underBlow(world, blow, { home, other }, async () => {
      moveId = (await world.move(other)).id
      isThere = await switched(world, moveId, 'forward', went, options)
    })
    if (missed) went.wrong.push({ what: 'the mover never came by', of: missed })
    blow = undefined
    if (!isThere) {
      went.moving.push({ from, to: performance.now() })
      continue
    }
    await pause(seeded.between(100, SETTLES_WITHIN_MS))
    went.wrong.push(...(await insist(() => wrongHomeWrites(world))), ...(await insist(() => conflicts(world))))
    if (seeded.percent(50) && went.switches.length < options.switches) {
      await world.rollBack(moveId)
      if (await switched(world, moveId, 'back', went, options)) {
        await world.until(moveId, ['rolled_back'], noting(went))
        await rest(went, from, options)
        continue
      }
    }
    await world.finish(moveId)
    await world.until(moveId, ['done'], noting(went))
    await rest(went, from, options)
  }
  return went
}

/** The move is over, and for a while there is none. */
async function rest(went: Went, movingFrom: number, { calmBetween = false }: LoopOptions): Promise<void> {
  const moving = { from: movingFrom, to: performance.now() }
  went.moving.push(moving)
  if (!calmBetween) return
  const [before, after] = [went.calm.at(-1)!, await calmFor(moving.to - moving.from)]
  went.calm.push(after)
  went.beside.push([moving, [before, after]])
}

async function calmFor(lastsMs: number): Promise<Span> {
  const from = performance.now()
  await pause(lastsMs)
  return { from, to: performance.now() }
}

/** Notes what a move is at. */
function noting({ states }: Went): (move: Move) => void {
  return ({ state, requestedAt }) => {
    const now = performance.now()
    const last = states.at(-1)
    if (last && last.from + performance.timeOrigin > requestedAt.getTime()) last.to = now
    if (last?.state !== state || last.to !== now) states.push({ state, from: now, to: now })
  }
}

/** Follows a move until it has switched, or has given up. */
async function switched(
  world: MovingWorld,
  moveId: string,
  direction: Switch['direction'],
  went: Went,
  options: LoopOptions,
): Promise<boolean> {
  let seenAt = 0
  const note = noting(went)
  const after = direction === 'forward' ? (['watching'] as const) : (['retiring', 'rolled_back'] as const)
  const move = await world.until(moveId, [...after, 'aborted', ...(direction === 'back' ? (['watching'] as const) : [])], (move) => {
    const { state } = move
    note(move)
    if (seenAt === 0 && (state === 'switched' || (after as readonly string[]).includes(state))) seenAt = performance.now()
  })
  if (!(after as readonly string[]).includes(move.state)) {
    went.aborted++
    options.told?.(`taken back: ${move.failure}`)
    return false
  }
  await pause(CALM_AFTER_MS)
  // What was announced while the directory was down is not heard of.
  const announcedAt = world.announcedAt.findLast((at) => at <= seenAt && at > seenAt - BEFORE_MS) ?? seenAt
  went.switches.push({ direction, figures: move.figures, at: performance.timeOrigin + announcedAt })
  const { write_pause_ms: paused, drain_ms: drain, marker_ms: marker, flip_ms: flip } = move.figures
  options.told?.(`${went.switches.length}/${options.switches} ${direction}: pause ${paused} ms (${drain} + ${marker} + ${flip})`)
  return true
}

function asBuyersSawIt(seen: SeenSwitch, buyers: readonly Shopper[], openAt: readonly number[], endedAt: number): Switch {
  const at = seen.at - performance.timeOrigin
  const about = { from: at - BEFORE_MS, to: Math.min(at + AFTER_MS, endedAt) }
  const near = buyers
    .flatMap(({ requests }) => requests)
    .filter(({ sentAt, tookMs }) => sentAt <= about.to && sentAt + tookMs >= about.from)
  const confirmedAt = buyers.flatMap(({ confirmed }) => confirmed.map((order) => order.at))
  return {
    ...seen,
    gapMs: longestGap(confirmedAt, about),
    worstRequestMs: Math.max(0, ...near.map(({ tookMs }) => tookMs)),
    closedMs: longestGap(openAt, about),
  }
}

function whyClosed(nth: number, { at, closedMs }: Switch, strokes: readonly Stroke[]): string {
  const since = strokes.map((stroke) => ({ ...stroke, ms: performance.timeOrigin + stroke.at - at }))
  const near = since
    .filter(({ ms: about }) => about > -2 * BEFORE_MS && about < AFTER_MS)
    .map(({ name, ms: about }) => `${name} at ${ms(about)}`)
  return `about switch ${nth} nothing could be written for ${ms(closedMs)} ms; ms from the switch: ${near.join(', ') || 'nothing was killed'}`
}

function writesSeen({ writes, confirmed, refusedAt }: WriteLoadReport, switches: readonly Switch[]): WritesSeen {
  const ends = writes.map(([sentAt, tookMs]) => sentAt + tookMs)
  const about = switches.map(({ at }) => ({ from: at - BEFORE_MS, to: at + AFTER_MS }))
  const isNear = ([sentAt, tookMs]: [number, number], { from, to }: Span) => sentAt <= to && sentAt + tookMs >= from
  const calm = writes.filter((write) => !about.some((span) => isNear(write, span)))
  return {
    confirmed: confirmed.length,
    perSecond: writes.length / ((ends.at(-1)! - writes[0]![0]) / 1_000),
    gapsMs: about.map((span) => longestGap(ends, span)),
    acrossMs: switches.map(({ at }) => gapAcross(ends, at)),
    slowestMs: about.map((span) => Math.max(0, ...writes.filter((write) => isNear(write, span)).map(([, tookMs]) => tookMs))),
    refused: refusedAt.length,
    refusedNear: refusedAt.filter((at) => about.some((span) => isNear([at, 0], span))).length,
    calmP95Ms: percentile(
      calm.map(([, tookMs]) => tookMs),
      95,
    ),
  }
}

async function checkAll(world: MovingWorld, moved: readonly Buyer[], neighbours: readonly Buyer[][]): Promise<Wrong[]> {
  const { house } = world
  const wrong: Wrong[] = []
  const bought = [[world.moved, moved] as const, ...world.neighbours.map((shop, n) => [shop, neighbours[n]!] as const)]
  for (const [shop, shoppers] of bought) {
    const cell = house.cell(await world.home(shop))
    wrong.push(...(await waitForQuiet(cell, shop)))
    wrong.push(...(await checkOrders(cell, shop, shoppers)), ...(await checkMoney(world, cell, shop)))
  }
  wrong.push(...(await leftBehind(world)))
  wrong.push(...(await house.invariants()).map(({ invariant, rows }) => ({ what: invariant, of: rows })))
  return wrong
}

/** A database may be down at the moment. */
async function insist<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await ask()
    } catch (error) {
      if (tries === 100) throw error
      await pause(100)
    }
  }
}

const count = (shoppers: readonly Shopper[]): number => shoppers.reduce((sum, { confirmed }) => sum + confirmed.length, 0)

function inSpans(shoppers: readonly Shopper[], whats: readonly Request['what'][], calm: readonly Span[], moving: readonly Span[]): Beside {
  const requests = shoppers.flatMap((shopper) => shopper.requests).filter(({ what }) => whats.includes(what))
  const during = (spans: readonly Span[]) => requests.filter(({ sentAt }) => spans.some(({ from, to }) => sentAt >= from && sentAt <= to))
  return { calm: during(calm), moving: during(moving) }
}
