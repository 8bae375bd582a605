import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Actor } from '../actor.ts'
import { insufficientStock } from './claim.ts'
import { type GrantedInOrder, grantInOrder } from './grant-in-order.ts'
import { heat } from './heat.ts'
import { sweepTime, wakeSweep } from './sweep.ts'
import { takeStock } from './take.ts'

/** One buyer's wish for one variant. */
export interface Wish {
  cartId: string
  variantId: string
  quantity: bigint
  minutes: number
  actor: Actor
  now: Date
}

/** How many wishes share a transaction. More would make another process wait longer for its turn. */
const BATCH_MAX = 64

// By the door of a merchant, which requests share for as long as the directory's entry is remembered.
const TURNSTILES_MAX = 1_000
const turnstiles = new WeakMap<InMerchant, Map<string, Turnstile>>()

/**
 * Reserves a variant that many want at once for a cart, first come first served: wishes of this process wait in line, and those
 * who wait are served together, by one statement. Of several processes each has one batch under way at a time, and PostgreSQL lets
 * them take turns at the level's lock. Every wish is answered for itself:
 * refuses `insufficient_stock`. Afterwards the cart has reserved this quantity of the variant; what else it holds stays.
 */
export function reserveInTurn(inMerchant: InMerchant, wish: Wish): Promise<void> {
  heat(inMerchant.merchant.id, wish.variantId)
  const lines = turnstiles.get(inMerchant) ?? new Map<string, Turnstile>()
  turnstiles.set(inMerchant, lines)
  const key = `${wish.variantId}|${wish.minutes}`
  const line = lines.get(key) ?? new Turnstile(inMerchant)
  lines.set(key, line)
  if (lines.size > TURNSTILES_MAX) forget(lines)
  return line.join(wish)
}

/** An idle one holds no more than the memory whether its goods were sold out. */
function forget(lines: Map<string, Turnstile>): void {
  for (const [key, line] of lines) if (line.idle) lines.delete(key)
}

interface Waiting extends Wish {
  done(): void
  failed(reason: unknown): void
}

class Turnstile {
  readonly #inMerchant: InMerchant
  #waiting: Waiting[] = []
  #turning = false
  /** The last batch got nothing: it is worth a look before a lock. */
  #soldOut = false
  #severalPlaces = false
  /** A sweep is queued for then. */
  #sweptAt = 0

  constructor(inMerchant: InMerchant) {
    this.#inMerchant = inMerchant
  }

  get idle(): boolean {
    return !this.#turning
  }

  join(wish: Wish): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ ...wish, done, failed })
      if (!this.#turning) void this.#turn()
    })
  }

  async #turn(): Promise<void> {
    this.#turning = true
    while (this.#waiting.length > 0) {
      const batch = this.#next()
      try {
        if (this.#soldOut) this.#waiting.unshift(...(await this.#turnAway(batch)))
        else await this.#serve(batch)
      } catch (error) {
        for (const { failed } of batch) failed(error)
      }
    }
    this.#turning = false
  }

  /** The first who wait. A cart that asks twice is served one after the other: the second time it holds something. */
  #next(): Waiting[] {
    if (this.#soldOut) return this.#waiting.splice(0)
    const carts = new Set<string>()
    const batch: Waiting[] = []
    while (batch.length < BATCH_MAX && this.#waiting[0] && !carts.has(this.#waiting[0].cartId)) {
      const first = this.#waiting.shift()!
      carts.add(first.cartId)
      batch.push(first)
    }
    return batch
  }

  async #serve(batch: readonly Waiting[]): Promise<void> {
    const row = this.#severalPlaces ? undefined : await this.#grant(batch)
    if (row && !row.one_place) this.#severalPlaces = true
    const granted = row?.one_place && row.fresh ? new Set(row.granted.map((place) => batch[Number(place) - 1]!)) : await this.#take(batch)
    const free = row?.free ?? 0n
    this.#soldOut = granted.size === 0
    for (const waiting of batch.toReversed()) {
      if (granted.has(waiting)) waiting.done()
      // Whoever stood in front of it wanted more than there is.
      else if (waiting.quantity <= free) this.#waiting.unshift(waiting)
      else waiting.failed(insufficientStock([waiting.variantId]))
    }
  }

  async #grant(batch: readonly Waiting[]): Promise<GrantedInOrder> {
    const [{ variantId, minutes, actor, now }] = batch as [Waiting]
    const wishes = { variantId, wishes: batch, minutes, actor, now }
    const sweptAt = sweepTime({ minutes, now }).getTime()
    const [rows] = await this.#inMerchant(async (tx) => {
      if (sweptAt !== this.#sweptAt) await wakeSweep(tx, { minutes, now })
      const last = grantInOrder(tx, wishes)
      crashPoint('stock.batch_granted')
      return tx.finish([last])
    })
    crashPoint('stock.batch_committed')
    this.#sweptAt = sweptAt
    return rows![0] as unknown as GrantedInOrder
  }

  /** The same for goods in several places, for bundles, and for carts that have some already. */
  async #take(batch: readonly Waiting[]): Promise<Set<Waiting>> {
    const [{ minutes, actor, now }] = batch as [Waiting]
    const wants = batch.map(({ cartId, variantId, quantity }) => ({ holder: { cartId, orderId: null }, lines: [{ variantId, quantity }] }))
    const shorts = await this.#inMerchant(async (tx) => {
      await wakeSweep(tx, { minutes, now })
      return takeStock(tx, wants, { as: 'reserved', minutes, others: 'kept', actor, now })
    })
    return new Set(batch.filter((_, index) => shorts[index]!.length === 0))
  }

  /**
   * Looks how many there are, without a lock, by one statement for all who wait, and refuses those who want more: the look was taken after
   * they came. Answers the others, who get into line.
   */
  async #turnAway(batch: readonly Waiting[]): Promise<Waiting[]> {
    const [{ variantId }] = batch as [Waiting]
    const carts = batch.map(({ cartId }) => cartId)
    const [look] = (await this.#inMerchant.readOne(
      ({ sql, entered }) => sql`
        with door as materialized (${entered})
        select level.sellable, held.carts
        from door
          cross join lateral (
            select coalesce(sum(app.sellable(l)), 0)::bigint as sellable from stock_level l
            where l.merchant_id = door.merchant_id and l.variant_id = ${variantId}
            limit 1
          ) level
          cross join lateral (
            select coalesce(array_agg(r.cart_id), '{}') as carts from stock_reservation r
            where r.merchant_id = door.merchant_id and r.cart_id = any(${carts}::uuid[]) and r.status = 'active'
            limit 1
          ) held`,
    )) as unknown as [{ sellable: bigint; carts: string[] }]
    const holding = new Set(look.carts)
    const hopeful = batch.filter(({ cartId, quantity }) => quantity <= look.sellable || holding.has(cartId))
    this.#soldOut = hopeful.length === 0
    for (const waiting of batch) if (!hopeful.includes(waiting)) waiting.failed(insufficientStock([variantId]))
    return hopeful
  }
}
