import { setTimeout as pause } from 'node:timers/promises'
import type { JournalWire } from '@souk/sandbox-psp/wire.ts'
import type { Answer } from '../client.ts'
import type { Purchase } from './buyers.ts'
import type { World } from './world.ts'

const EVENTS_WITHIN_MS = 90_000
const LOOKED_EVERY_MS = 100
// Of the log, in a report: characters.
const LOG_SHOWN = 1_500

/** Whoever asked the platform for something, and remembers what it said. */
export interface Asker {
  readonly purchases?: readonly Purchase[]
  readonly refusals: readonly Answer[]
}

/** Something that must hold and does not. */
export interface Wrong {
  what: string
  of: unknown
}

interface PaymentRow {
  id: string
  order_id: string
  provider: string
  status: string
  order_status: string
  captured: string
  refunded: string
}

/** Everything that must hold once the world is healed and quiet. */
export async function checkWorld(world: World, buyers: readonly Asker[]): Promise<Wrong[]> {
  const [invariants, money, purchases, events, transactions] = await Promise.all([
    world.house.invariants(),
    checkMoney(world),
    checkPurchases(world, buyers),
    checkWebhooks(world),
    checkTransactions(world),
  ])
  return [
    ...invariants.map((violation) => ({ what: violation.invariant, of: violation.rows })),
    ...money,
    ...purchases,
    ...events,
    ...transactions,
    ...checkRefusals(world, buyers),
    ...checkLogs(world),
  ]
}

/** 16: what the provider really took is what our books say, payment by payment; of a cancelled order it has nothing left. */
async function checkMoney(world: World): Promise<Wrong[]> {
  const payments = await world.house.query<PaymentRow>`
    select p.id, p.order_id, p.provider, p.status, o.status as order_status, p.captured_amount::text as captured, p.refunded_amount::text as refunded
    from payment p join orders o on o.merchant_id = p.merchant_id and o.id = p.order_id
    where p.provider = 'sandbox'`
  const journal = new Map((await world.house.psp.control.journal({ account: world.account.id })).map((row) => [row.payment_id, row]))
  const wrong: Wrong[] = []
  for (const payment of payments) {
    const row = journal.get(payment.id)
    const problem = problemOf(payment, row)
    if (problem !== undefined) wrong.push({ what: `16: ${problem}`, of: { payment, journal: row } })
  }
  const known = new Set(payments.map(({ id }) => id))
  const charged = [...journal.values()].filter((row) => row.net > 0)
  for (const row of charged) if (!known.has(row.payment_id)) wrong.push({ what: '16: charged without a payment of ours', of: row })
  return wrong
}

function problemOf(payment: PaymentRow, row: JournalWire | undefined): string | undefined {
  const { captured = 0, refunded = 0, net = 0, status = 'absent', operations = [] } = row ?? {}
  if (payment.order_status === 'cancelled') {
    if (net !== 0) return 'money was kept for a cancelled order'
    return status === 'authorized' || status === 'part_captured' ? 'money is held for a cancelled order' : undefined
  }
  if (payment.status === 'review') return undefined
  if (Number(payment.captured) !== captured) return 'captured another amount than our books say'
  if (Number(payment.refunded) !== refunded) return 'refunded another amount than our books say'
  const captures = operations.filter(({ kind }) => kind === 'capture')
  return payment.status === 'captured' && captures.length !== 1 ? 'not captured exactly once' : undefined
}

/** 3, 18: an order that a buyer was told of is there; one cart is one order that is not cancelled. */
async function checkPurchases(world: World, buyers: readonly Asker[]): Promise<Wrong[]> {
  const orders = await world.house.query<{ id: string; cart_id: string; status: string }>`select id, cart_id, status from orders`
  const known = new Map(orders.map((order) => [order.id, order]))
  const wrong: Wrong[] = []
  for (const purchase of buyers.flatMap((buyer) => buyer.purchases ?? [])) {
    if (purchase.order && !known.has(purchase.order.id)) wrong.push({ what: 'an order that was confirmed is gone', of: purchase })
    if (purchase.status === 201 && known.get(purchase.order!.id)?.status === 'pending')
      wrong.push({ what: 'an order that was confirmed is pending', of: purchase })
    if (orders.filter((order) => order.cart_id === purchase.cartId && order.status !== 'cancelled').length > 1)
      wrong.push({ what: 'a cart became two orders', of: purchase })
  }
  return wrong
}

/** 20, 21, 22: every event has come, in the order of its aggregate; the same id has the same bytes, and every signature holds. */
async function checkWebhooks(world: World): Promise<Wrong[]> {
  const wrong: Wrong[] = []
  const bodies = new Map<string, string>()
  const order: { sequence: number; aggregate: string }[] = []
  for (const { id, headers, body, isGenuine } of world.receiver.taken) {
    const before = bodies.get(id)
    if (before !== undefined && before !== body) wrong.push({ what: '22: the same webhook-id with other bytes', of: { id, before, body } })
    if (before !== undefined) continue
    bodies.set(id, body)
    if (!isGenuine) wrong.push({ what: '22: a signature does not verify', of: { id, headers } })
    const { sequence, aggregate } = readPayload(body)
    order.push({ sequence, aggregate })
  }
  const last = new Map<string, number>()
  for (const { sequence, aggregate } of order) {
    if (sequence < (last.get(aggregate) ?? 0))
      wrong.push({ what: '21: events of an aggregate came out of order', of: { aggregate, sequence } })
    last.set(aggregate, sequence)
  }
  const missing = await missingEvents(world)
  if (missing.length > 0) wrong.push({ what: '20: events never came', of: missing.slice(0, 5) })
  return wrong
}

/** What happened and was told nobody. What follows the log makes events itself: those that are young are waited for. */
async function missingEvents(world: World): Promise<{ sequence: string; type: string }[]> {
  const end = performance.now() + EVENTS_WITHIN_MS
  for (;;) {
    const events = await world.house.query<{ sequence: string; type: string }>`
      select sequence::text, type from event
      where merchant_id = ${world.shop.id} and type <> 'webhook.test' and sequence > ${world.firstEvent}::bigint`
    const came = new Set(world.receiver.taken.map(({ body }) => readPayload(body).sequence))
    const missing = events.filter(({ sequence }) => !came.has(Number(sequence)))
    if (missing.length === 0 || performance.now() > end) return missing
    await pause(LOOKED_EVERY_MS)
  }
}

/** 19: what an order is now was written in one transaction with an event of its. Nothing moves here, so transactions keep their numbers. */
async function checkTransactions(world: World): Promise<Wrong[]> {
  const orders = await world.house.query<{ id: string }>`
    select o.id from orders o
    where not exists (
      select from event e where e.merchant_id = o.merchant_id and e.aggregate_id = o.id and e.xmin = o.xmin)`
  return orders.map((order) => ({ what: '19: an order was changed without an event', of: order }))
}

/** The event in a payload: its place in the log, and what it is about. */
function readPayload(body: string): { sequence: number; aggregate: string } {
  const { sequence, subject } = JSON.parse(body) as { sequence: number; subject: { id: string } }
  return { sequence, aggregate: subject.id }
}

/** 40: whoever is told no is told so in a problem document, without a stack or SQL; and whatever fails, nobody meets an error that was not foreseen. */
function checkRefusals({ house }: World, buyers: readonly Asker[]): Wrong[] {
  const refusals = buyers.flatMap((buyer) => buyer.refusals)
  const misshapen = refusals.filter(
    ({ headers, text }) =>
      !String(headers['content-type']).startsWith('application/problem+json') || /\bat .*\.ts:|select .* from/i.test(text),
  )
  const unforeseen = refusals.filter(({ status }) => status === 500)
  return [
    ...misshapen.map(({ status, text }) => ({ what: '40: a refusal that is no problem document', of: { status, text } })),
    ...unforeseen.map(({ text }) => ({ what: 'a request was answered 500', of: { text, log: house.api.output.slice(-LOG_SHOWN) } })),
  ]
}

/** 37: who buys is in no log. */
function checkLogs({ house }: World): Wrong[] {
  return (['api', 'worker'] as const)
    .filter((which) => house[which].output.includes('canary-'))
    .map((which) => ({ what: `37: an e-mail address in the log of the ${which}`, of: house[which].output }))
}
