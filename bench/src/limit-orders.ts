import postgres from 'postgres'
import { type Rate, repeat } from './load.ts'

const ITEMS = 1_000

/**
 * The minimal order transaction: an order of two lines, its stock, its number and its payment, in eight statements that
 * travel in two flights on one connection. No tenancy, no prices, no HTTP: what the database and the driver can do.
 */
export async function openMinimalOrders(
  url: string,
): Promise<{ run(workers: number, seconds: number): Promise<Rate>; close(): Promise<void> }> {
  const setup = postgres(url, { max: 1, onnotice: () => {} })
  await setup.unsafe(`
    create table bench_stock (id int primary key, on_hand bigint not null, allocated bigint not null default 0) with (fillfactor = 70);
    create table bench_counter (id int primary key, value bigint not null);
    create table bench_order (id bigint primary key generated always as identity, number bigint not null, total bigint not null);
    create table bench_line (order_number bigint not null, item int not null, quantity bigint not null);
    create table bench_payment (order_number bigint not null, amount bigint not null);
    insert into bench_stock (id, on_hand) select n, 1000000000 from generate_series(1, ${ITEMS}) n;
    insert into bench_counter values (1, 0);
    analyze`)
  await setup.end()
  const sql = postgres(url, { max: 32 })
  return {
    run: (workers, seconds) => repeat(workers, seconds, () => placeMinimalOrder(sql)),
    close: () => sql.end(),
  }
}

async function placeMinimalOrder(pool: postgres.Sql): Promise<void> {
  const sql = await pool.reserve()
  try {
    const [first, second] = pickTwo()
    const [, , , [counter]] = await Promise.all([
      sql`begin`.execute(),
      sql`update bench_stock set allocated = allocated + 1 where id = ${first} and on_hand - allocated >= 1`.execute(),
      sql`update bench_stock set allocated = allocated + 1 where id = ${second} and on_hand - allocated >= 1`.execute(),
      sql`update bench_counter set value = value + 1 where id = 1 returning value`.execute(),
    ])
    const number = counter!.value
    await Promise.all([
      sql`insert into bench_order (number, total) values (${number}, 4838)`.execute(),
      sql`insert into bench_line values (${number}, ${first}, 1), (${number}, ${second}, 1)`.execute(),
      sql`insert into bench_payment values (${number}, 4838)`.execute(),
      sql`commit`.execute(),
    ])
  } finally {
    sql.release()
  }
}

/** Two different items, the smaller first: the same order for everybody, so that nobody deadlocks. */
function pickTwo(): [number, number] {
  const first = 1 + Math.floor(Math.random() * (ITEMS - 1))
  return [first, first + 1 + Math.floor(Math.random() * (ITEMS - first))]
}
