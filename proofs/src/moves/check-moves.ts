import { setTimeout as pause } from 'node:timers/promises'
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

/** What buyers were told against what is at the home: nothing lost, nothing doubled, no number left out. */
export async function checkOrders(cell: CellServer, shop: StockedShop, shoppers: readonly Shopper[]): Promise<Wrong[]> {
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
