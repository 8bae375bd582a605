import { randomUUID } from 'node:crypto'
import fastify from 'fastify'
import postgres from 'postgres'
import { request } from 'undici'

// What this machine can do at best for a checkout that is paid by a provider: bare Fastify, a cart that is one row, the minimal
// order in two transactions, the provider's answer in between, and no tenancy, prices, validation or logs. What the platform
// asks the database more often is made up for by reads of one row. Started by payments.ts as a process of its own.
const [databaseUrl = '', pspUrl = '', apiKey = '', roundTrips = '0'] = process.argv.slice(2)
const ITEMS = 1_000
/** The cart one; before the provider two, and two after it. */
const ROUND_TRIPS_OF_ITS_OWN = 5
const READS = Math.max(0, Math.round(Number(roundTrips)) - ROUND_TRIPS_OF_ITS_OWN)

const sql = postgres(databaseUrl, { max: 32, onnotice: () => {} })
await sql.unsafe(`
  create table bench_paid_stock (id int primary key, on_hand bigint not null, allocated bigint not null default 0) with (fillfactor = 70);
  create table bench_paid_counter (id int primary key, value bigint not null);
  create table bench_paid_cart (id uuid primary key, lines jsonb not null);
  create table bench_paid_order (id uuid primary key, number bigint not null, status text not null, total bigint not null);
  create table bench_paid_line (order_number bigint not null, item int not null, quantity bigint not null);
  create table bench_payment_of (id uuid primary key, order_id uuid not null, status text not null, amount bigint not null);
  create table bench_paid_event (order_id uuid not null, type text not null);
  insert into bench_paid_stock (id, on_hand) select n, 1000000000 from generate_series(1, ${ITEMS}) n;
  insert into bench_paid_counter values (1, 0);
  analyze`)

const app = fastify()
app.post('/carts', async () => {
  const id = randomUUID()
  await sql`insert into bench_paid_cart values (${id}, ${JSON.stringify(pickTwo())}::text::jsonb)`
  return { id }
})
app.post('/checkout', async () => {
  for (let n = 0; n < READS; n++) await sql`select on_hand from bench_paid_stock where id = ${1 + n}`
  const [orderId, paymentId] = [randomUUID(), randomUUID()]
  await submit(orderId, paymentId)
  await authorize(paymentId)
  await confirm(orderId, paymentId)
  return { id: orderId }
})

/** The order and its payment, as in limit-orders.ts. */
async function submit(orderId: string, paymentId: string): Promise<void> {
  const connection = await sql.reserve()
  try {
    const [first, second] = pickTwo()
    const [, , , [counter]] = await Promise.all([
      connection`begin`.execute(),
      connection`update bench_paid_stock set allocated = allocated + 1 where id = ${first} and on_hand - allocated >= 1`.execute(),
      connection`update bench_paid_stock set allocated = allocated + 1 where id = ${second} and on_hand - allocated >= 1`.execute(),
      connection`update bench_paid_counter set value = value + 1 where id = 1 returning value`.execute(),
    ])
    const number = counter!.value
    await Promise.all([
      connection`insert into bench_paid_order values (${orderId}, ${number}, 'pending', 4838)`.execute(),
      connection`insert into bench_paid_line values (${number}, ${first}, 1), (${number}, ${second}, 1)`.execute(),
      connection`insert into bench_payment_of values (${paymentId}, ${orderId}, 'pending', 4838)`.execute(),
      connection`commit`.execute(),
    ])
  } finally {
    connection.release()
  }
}

async function authorize(paymentId: string): Promise<void> {
  const { statusCode, body } = await request(`${pspUrl}/v1/payments`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', 'idempotency-key': paymentId },
    body: JSON.stringify({ payment_id: paymentId, amount: 4838, currency: 'EUR', capture: 'now', token: 'tok_ok' }),
  })
  const text = await body.text()
  if (statusCode >= 300) throw new Error(`the provider answered ${statusCode}: ${text}`)
}

async function confirm(orderId: string, paymentId: string): Promise<void> {
  const connection = await sql.reserve()
  try {
    await Promise.all([
      connection`begin`.execute(),
      connection`select status from bench_paid_order where id = ${orderId} for no key update`.execute(),
    ])
    await Promise.all([
      connection`update bench_paid_order set status = 'paid' where id = ${orderId}`.execute(),
      connection`update bench_payment_of set status = 'captured' where id = ${paymentId}`.execute(),
      connection`insert into bench_paid_event values (${orderId}, 'order.placed')`.execute(),
      connection`commit`.execute(),
    ])
  } finally {
    connection.release()
  }
}

/** Two different items, the smaller first: the same order for everybody, so that nobody deadlocks. */
function pickTwo(): [number, number] {
  const first = 1 + Math.floor(Math.random() * (ITEMS - 1))
  return [first, first + 1 + Math.floor(Math.random() * (ITEMS - first))]
}

const address = await app.listen({ host: '127.0.0.1', port: 0 })
process.send?.({ address })
