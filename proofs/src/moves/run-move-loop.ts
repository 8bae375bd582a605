import { setTimeout as pause } from 'node:timers/promises'
import type { Move } from '@souk/tenant-router/moves/move.ts'
import type { Wrong } from '../faults/check-world.ts'
import { Seeded } from '../faults/seeded.ts'
import { checkMoney, checkOrders, leftBehind, waitForQuiet, wrongHomeWrites } from './check-moves.ts'
import { disturb } from './disturb.ts'
import { longestGap, type Span } from './figures.ts'
import { CELLS, type MovingWorld } from './moving-world.ts'
import { type Request, Shopper } from './shopper.ts'

export interface LoopOptions {
  seed: number
  /** How often the home changes: by a move, or by taking one back. */
  switches: number
  /** Buyers of the moved shop, and of each neighbour; and how often each of them buys. 0: as fast as it goes. */
  buyers: number
  buyersEveryMs: number
  neighbourBuyers: number
  neighbourEveryMs: number
  /** Before the first move, for comparison. */
  calmMs: number
  /** Something is killed about this often; 0: never. */
  killEveryMs: number
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
  askedAgain: { status: number; times: number }[]
  struck: Record<string, number>
  /** Checkouts of the neighbours: before the first move, and while one was under way. */
  neighbours: { calm: Request[]; moving: Request[] }
  /** Reads of the moved shop, likewise. */
  reads: { calm: Request[]; moving: Request[] }
  wrong: Wrong[]
}

const ABOUT_MS = 1_000
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
  const startedAt = performance.now()
  const shopping = Promise.all(everybody.map((shopper) => shopper.shop()))
  await pause(options.calmMs)
  const calm = { from: startedAt + options.calmMs / 4, to: performance.now() }
  const killer = options.killEveryMs > 0 ? disturb(world, new Seeded(options.seed + 1), { everyMs: options.killEveryMs }) : undefined
  const went = await moveToAndFro(world, seeded, options, moved)
  const struck = (await killer?.stop()) ?? {}
  for (const shopper of everybody) shopper.stop()
  await shopping
  const seconds = (performance.now() - startedAt) / 1_000
  const wrong = [...went.wrong, ...(await checkAll(world, moved, neighbours))]
  return {
    seed: options.seed,
    switches: went.switches,
    aborted: went.aborted,
    confirmed: { moved: count(moved), neighbours: count(neighbours.flat()) },
    ordersPerSecond: count(moved) / seconds,
    askedAgain: askedAgain(everybody),
    struck,
    neighbours: inSpans(neighbours.flat(), 'checkout', calm, went.moving),
    reads: inSpans(moved, 'product', calm, went.moving),
    wrong,
  }
}

interface Went {
  switches: Switch[]
  aborted: number
  moving: Span[]
  wrong: Wrong[]
}

async function moveToAndFro(world: MovingWorld, seeded: Seeded, options: LoopOptions, buyers: readonly Shopper[]): Promise<Went> {
  const went: Went = { switches: [], aborted: 0, moving: [], wrong: [] }
  while (went.switches.length < options.switches) {
    const to = (await world.home()) === CELLS[0] ? CELLS[1] : CELLS[0]
    const from = performance.now()
    const asked = await world.move(to)
    const there = await switched(world, asked.id, 'forward', buyers, went, options)
    went.moving.push({ from, to: performance.now() })
    if (!there) continue
    await pause(seeded.between(100, SETTLES_WITHIN_MS))
    went.wrong.push(...(await insist(() => wrongHomeWrites(world))))
    if (seeded.percent(50) && went.switches.length < options.switches) {
      await world.rollBack(asked.id)
      if (await switched(world, asked.id, 'back', buyers, went, options)) {
        await world.until(asked.id, ['rolled_back'])
        continue
      }
    }
    await world.finish(asked.id)
    await world.until(asked.id, ['done'])
  }
  return went
}

/** Follows a move until it has switched, or has given up. */
async function switched(
  world: MovingWorld,
  moveId: string,
  direction: Switch['direction'],
  buyers: readonly Shopper[],
  went: Went,
  options: LoopOptions,
): Promise<boolean> {
  let seenAt = 0
  const after = direction === 'forward' ? (['watching'] as const) : (['retiring', 'rolled_back'] as const)
  const move = await world.until(moveId, [...after, 'aborted', ...(direction === 'back' ? (['watching'] as const) : [])], ({ state }) => {
    if (seenAt === 0 && (state === 'switched' || (after as readonly string[]).includes(state))) seenAt = performance.now()
  })
  if (!(after as readonly string[]).includes(move.state)) {
    went.aborted++
    options.told?.(`taken back: ${move.failure}`)
    return false
  }
  await pause(ABOUT_MS / 2)
  const about = { from: seenAt - ABOUT_MS, to: seenAt + ABOUT_MS / 2 }
  const gapMs = longestGap(
    buyers.flatMap(({ confirmed }) => confirmed.map(({ at }) => at)),
    about,
  )
  const near = buyers
    .flatMap(({ requests }) => requests)
    .filter(({ sentAt, tookMs }) => sentAt <= about.to && sentAt + tookMs >= about.from)
  went.switches.push({ direction, figures: move.figures, gapMs, worstRequestMs: Math.max(0, ...near.map(({ tookMs }) => tookMs)) })
  options.told?.(`${went.switches.length}/${options.switches} ${direction}: pause ${move.figures.write_pause_ms} ms`)
  return true
}

async function checkAll(world: MovingWorld, moved: readonly Shopper[], neighbours: readonly Shopper[][]): Promise<Wrong[]> {
  const { house } = world
  const wrong: Wrong[] = []
  const bought = [[world.moved, moved] as const, ...world.neighbours.map((shop, n) => [shop, neighbours[n]!] as const)]
  for (const [shop, shoppers] of bought) {
    const cell = house.cell(await world.home(shop))
    wrong.push(...(await waitForQuiet(cell, shop)))
    wrong.push(...(await checkOrders(cell, shop, shoppers)), ...(await checkMoney(world, cell, shop)))
    wrong.push(...shoppers.flatMap(({ refused }) => refused.map((of) => ({ what: 'a buyer was refused', of }))))
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

function askedAgain(shoppers: readonly Shopper[]): LoopReport['askedAgain'] {
  const failed = shoppers.flatMap(({ requests }) => requests).filter(({ status }) => status === 0 || status >= 300)
  return [...Map.groupBy(failed, ({ status }) => status)].map(([status, requests]) => ({ status, times: requests.length }))
}

function inSpans(shoppers: readonly Shopper[], what: Request['what'], calm: Span, moving: readonly Span[]) {
  const requests = shoppers.flatMap((shopper) => shopper.requests).filter((request) => request.what === what)
  const isIn =
    ({ from, to }: Span) =>
    ({ sentAt }: Request) =>
      sentAt >= from && sentAt <= to
  return { calm: requests.filter(isIn(calm)), moving: requests.filter((request) => moving.some((span) => isIn(span)(request))) }
}
