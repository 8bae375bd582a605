import { setTimeout as pause } from 'node:timers/promises'
import { Buyer } from './buyers.ts'
import type { FaultCase } from './cases.ts'
import { checkWorld, type Wrong } from './check-world.ts'
import { Seeded } from './seeded.ts'
import type { World } from './world.ts'

const BUYERS = 4
const PURCHASES = 4
const QUIET_WITHIN_MS = 180_000
const LOOKED_EVERY_MS = 100

export interface CaseReport {
  name: string
  seed: number
  /** Orders that buyers were told of. */
  orders: number
  purchases: number
  ms: number
  wrong: Wrong[]
}

/** Buyers buy, something goes wrong, everything is healed; when all is quiet, everything that must hold is looked at. */
export async function runCase(world: World, faultCase: FaultCase, seed: number): Promise<CaseReport> {
  const started = performance.now()
  await world.signIn()
  const seeded = new Seeded(seed)
  const buyers = Array.from({ length: BUYERS }, (_, n) => new Buyer(world, new Seeded(seed * 31 + n), `${seed}-${n}-${nameOf(faultCase)}`))
  const buying = Promise.all(buyers.map((buyer) => buyer.buy(PURCHASES)))
  await faultCase.strike(world, seeded)
  await world.heal()
  await buying
  await waitForQuiet(world)
  for (const buyer of buyers) await buyer.giveUp()
  const noisy = await waitForQuiet(world)
  const wrong = [...noisy, ...(await checkWorld(world, buyers))]
  const purchases = buyers.flatMap((buyer) => buyer.purchases)
  const orders = purchases.filter(({ order }) => order !== null).length
  return { name: faultCase.name, seed, orders, purchases: purchases.length, ms: performance.now() - started, wrong }
}

/**
 * What the platform still has to do, by kind; nothing when all is quiet. What waits for people is not its to do, nor is a call that never
 * reached its provider, for a payment that nobody wants any more: it is listened for, for a day. 17 and 34 in person.
 */
async function pending(world: World): Promise<Record<string, number>> {
  const [row] = await world.house.query<Record<string, string>>`
    select
      (select count(*) from orders where status = 'pending' and payment_status not in ('failed', 'review')) as pending_orders,
      (select count(*) from payment_operation o join payment p on p.merchant_id = o.merchant_id and p.id = o.payment_id
        where o.status = 'pending' and not (p.status = 'failed' and o.failure ->> 'code' = 'absent')) as open_operations,
      (select count(*) from payment_callback where processed_at is null) as unread_callbacks`
  const came = new Set(world.receiver.taken.map(({ body }) => (JSON.parse(body) as { sequence: number }).sequence))
  const [log] = await world.house.query<{
    last: string
  }>`select coalesce(max(sequence), 0)::text as last from event where merchant_id = ${world.shop.id} and sequence > ${world.firstEvent}::bigint and type <> 'webhook.test'`
  const counts = Object.fromEntries(Object.entries(row!).map(([name, count]) => [name, Number(count)]))
  return { ...counts, unsent_events: log!.last === '0' || came.has(Number(log!.last)) ? 0 : 1 }
}

/** Waits until nothing is left to be done. Answers what is, if that takes too long. */
export async function waitForQuiet(world: World): Promise<Wrong[]> {
  const end = performance.now() + QUIET_WITHIN_MS
  for (;;) {
    const left = await pending(world)
    if (Object.values(left).every((count) => count === 0)) return []
    if (performance.now() > end) return [{ what: '17: it does not come to rest', of: left }]
    await pause(LOOKED_EVERY_MS)
  }
}

function nameOf({ name }: FaultCase): string {
  return name.replace(/[^a-z0-9]+/g, '-')
}
