import { setTimeout as pause } from 'node:timers/promises'
import postgres from 'postgres'
import type { CellServer } from '../cell-server.ts'
import type { Wrong } from '../faults/check-world.ts'
import { CELLS, type CellName, type MovingWorld, type StockedShop } from './moving-world.ts'
import type { Shopper } from './shopper.ts'

interface OrderRow {
  id: string
  cart_id: string
  number: number
}

const QUIET_WITHIN_MS = 120_000
const CLEAN_WITHIN_MS = 60_000
const LOOKED_EVERY_MS = 100

const otherThan = (cell: CellName): CellName => (cell === CELLS[0] ? CELLS[1] : CELLS[0])

function ordersOf(cell: CellServer, shop: StockedShop): Promise<OrderRow[]> {
  return cell.query<OrderRow>`select id, cart_id, number::int as number from orders where merchant_id = ${shop.id}::uuid`
}

/** While the old home is kept up to date: what is there and not at the home, asked for afterwards, was written in the wrong place. */
export async function wrongHomeWrites(world: MovingWorld): Promise<Wrong[]> {
  const home = await world.home()
  const old = await ordersOf(world.house.cell(otherThan(home)), world.moved)
  const known = new Set((await ordersOf(world.house.cell(home), world.moved)).map(({ id }) => id))
  return old.filter(({ id }) => !known.has(id)).map((of) => ({ what: 'an order was written at the old home', of }))
}

/** While both streams are there: rows that met others, or were not there, as when two streams send each other their own changes. */
export async function conflicts(world: MovingWorld): Promise<Wrong[]> {
  const counted = await Promise.all(
    [...world.house.cells.values()].map(
      (cell) => cell.query<{ subname: string; key: string; value: string }>`
        select t.subname, c.key, c.value from pg_stat_subscription_stats t
          join pg_subscription s on s.oid = t.subid and s.subdbid = (select oid from pg_database where datname = current_database()),
          jsonb_each_text(to_jsonb(t)) as c
        where c.key like 'confl_%' and c.key not like '%origin_differs' and c.value <> '0'`,
    ),
  )
  return counted.flat().map((of) => ({ what: 'a stream met rows that it did not expect', of }))
}

/** What buyers were told against what is at the home: nothing lost, nothing doubled, no number left out. */
export async function checkOrders(cell: CellServer, shop: StockedShop, shoppers: readonly Pick<Shopper, 'confirmed'>[]): Promise<Wrong[]> {
  const orders = await ordersOf(cell, shop)
  const byId = new Map(orders.map((order) => [order.id, order]))
  const wrong: Wrong[] = []
  for (const told of shoppers.flatMap(({ confirmed }) => confirmed)) {
    const order = byId.get(told.id)
    if (!order) wrong.push({ what: 'lost: an order that was confirmed is gone', of: told })
    else if (order.number !== told.number) wrong.push({ what: 'an order has another number than its buyer was told', of: { told, order } })
  }
  const carts = Map.groupBy(orders, ({ cart_id }) => cart_id)
  for (const [cart, made] of carts) if (made.length > 1) wrong.push({ what: 'doubled: a cart became two orders', of: { cart, made } })
  const numbers = orders.map(({ number }) => number).sort((one, another) => one - another)
  const gaps = numbers.filter((number, index) => index > 0 && number !== numbers[index - 1]! + 1)
  if (gaps.length > 0) wrong.push({ what: 'gaps in the numbers of orders', of: { before: gaps.slice(0, 5), all: gaps.length } })
  return wrong
}

/** What the provider took is what our books say, payment by payment. */
export async function checkMoney(world: MovingWorld, cell: CellServer, shop: StockedShop): Promise<Wrong[]> {
  const payments = await cell.query<{ id: string; captured: number }>`
    select id, captured_amount::int as captured from payment where merchant_id = ${shop.id}::uuid and provider = 'sandbox'`
  const journal = new Map((await world.house.psp.control.journal({ account: shop.accountId })).map((row) => [row.payment_id, row]))
  const wrong: Wrong[] = []
  for (const { id, captured } of payments) {
    const row = journal.get(id)
    const captures = row?.operations.filter(({ kind }) => kind === 'capture').length ?? 0
    if ((row?.captured ?? 0) !== captured || captures > 1)
      wrong.push({ what: 'the provider took something else than our books say', of: { id, captured, row } })
    journal.delete(id)
  }
  for (const row of journal.values()) if (row.net > 0) wrong.push({ what: 'charged without a payment of ours', of: row })
  return wrong
}

/** Waits until nothing is left to be done for the shop. Answers what is, if that takes too long. */
export async function waitForQuiet(cell: CellServer, shop: StockedShop): Promise<Wrong[]> {
  const end = performance.now() + QUIET_WITHIN_MS
  for (;;) {
    const [left] = await cell.query<Record<string, number>>`
      select
        (select count(*)::int from orders where merchant_id = ${shop.id}::uuid and status = 'pending' and payment_status <> 'failed') as pending_orders,
        (select count(*)::int from payment_operation where merchant_id = ${shop.id}::uuid and status = 'pending') as open_operations,
        (select count(*)::int from payment_callback where merchant_id = ${shop.id}::uuid and processed_at is null) as unread_callbacks`
    if (Object.values(left!).every((count) => count === 0)) return []
    if (performance.now() > end) return [{ what: 'it does not come to rest', of: { shop: shop.slug, left } }]
    await pause(LOOKED_EVERY_MS)
  }
}

/**
 * Looks again and again at who serves the merchant, until it is stopped: never both, and in the end one. Who was open before and after the
 * other was seen open, at one epoch, was open at that moment too.
 */
export function watchHomes(world: MovingWorld): { stop(): Promise<Wrong[]> } {
  const cells = CELLS.map((name) => postgres(world.house.cell(name).adminUrl, { max: 1, onnotice: () => {}, backoff: () => 0.1 }))
  const wrong: Wrong[] = []
  let isStopped = false
  const epochAt = async (sql: postgres.Sql): Promise<number | undefined> => {
    const [row] = await sql<{ epoch: number }[]>`
      select epoch::int as epoch from tenancy.home where merchant_id = ${world.moved.id} and state = 'active'`
    return row?.epoch
  }
  const look = async () => {
    const [before, between, after] = [await epochAt(cells[0]!), await epochAt(cells[1]!), await epochAt(cells[0]!)]
    if (before !== undefined && before === after && between !== undefined)
      wrong.push({ what: 'both databases were open at once', of: { [CELLS[0]]: before, [CELLS[1]]: between } })
    return [after, between]
  }
  const looking = (async () => {
    // A database may be down at the moment.
    for (; !isStopped; await pause(LOOKED_EVERY_MS)) await look().catch(() => {})
  })()
  return {
    stop: async () => {
      isStopped = true
      await looking
      const open = (await look()).filter((epoch) => epoch !== undefined)
      if (open.length !== 1) wrong.push({ what: `${open.length} databases are open in the end`, of: open })
      await Promise.all(cells.map((sql) => sql.end({ timeout: 5 })))
      return wrong
    },
  }
}

/** What a finished move has left lying about after its minute. */
export async function leftBehind(world: MovingWorld): Promise<Wrong[]> {
  const end = performance.now() + CLEAN_WITHIN_MS
  for (;;) {
    const left = await leftNow(world)
    if (left.length === 0 || performance.now() > end) return left
    await pause(LOOKED_EVERY_MS)
  }
}

async function leftNow(world: MovingWorld): Promise<Wrong[]> {
  const home = await world.home()
  const found: Record<string, unknown> = {}
  for (const [name, cell] of world.house.cells) {
    const [objects] = await cell.query<{ slots: number; publications: number; subscriptions: number }>`
      select (select count(*)::int from pg_replication_slots) as slots, (select count(*)::int from pg_publication) as publications,
        (select count(*)::int from pg_subscription where subdbid = (select oid from pg_database where datname = current_database())) as subscriptions`
    if (Object.values(objects!).some((count) => count > 0)) found[name] = objects
    if (name !== home) Object.assign(found, await rowsIn(cell, world.moved.id))
  }
  const rows = await world.house.query`select cell, kind, name from platform.move_object`
  if (rows.length > 0) found.noted = rows
  return Object.keys(found).length === 0 ? [] : [{ what: 'left behind', of: found }]
}

/** Tables that still have rows of the merchant, with how many. */
async function rowsIn(cell: CellServer, merchantId: string): Promise<Record<string, number>> {
  const rows = await cell.query<{ name: string; count: number }>`
    select t.name, (xpath('/row/n/text()', query_to_xml(format('select count(*) as n from public.%I where merchant_id = %L', t.name, ${merchantId}::uuid), false, true, '')))[1]::text::int as count
    from tenancy.tenant_table t`
  return Object.fromEntries(rows.filter(({ count }) => count > 0).map(({ name, count }) => [`${cell.name}.${name}`, count]))
}
