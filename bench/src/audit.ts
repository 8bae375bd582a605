import { verifyAudit } from '@souk/core/audit/verify-audit.ts'
import { House } from '@souk/proofs/house.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import postgres from 'postgres'
import { ACTOR, openDoor } from './door.ts'
import { table } from './report.ts'

// What it costs to hold a merchant's audit log against its hashes, beside PostgreSQL alone: every hash computed and compared in one
// statement, without the order of the entries. `node src/audit.ts` here.

const ENTRIES = Number(process.env.BENCH_AUDIT_ENTRIES ?? 1_000_000)
/** Each entry changes the end of the chain, whose old versions pile up until the commit. */
const ENTRIES_A_COMMIT = 100

async function benchAudit(): Promise<void> {
  const house = await House.open()
  try {
    await house.startApi()
    const shop = await house.addShop({ slug: 'audited' })
    const door = await openDoor(house, shop)
    const sql = postgres(house.adminUrl, { max: 1, onnotice: () => {} })
    try {
      const writing = await secondsOf(() => fill(door.inMerchant))
      await sql`vacuum analyze audit_entry`
      const limit = await secondsOf(() => compareAll(sql))
      const verifying = await secondsOf(() => verify(door.inMerchant))
      const row = (what: string, seconds: number) => [
        what,
        seconds.toFixed(1),
        (ENTRIES / seconds).toFixed(0),
        (limit / seconds).toFixed(2),
      ]
      table(
        [`${ENTRIES} entries`, 'seconds', 'entries /s', 'of the limit'],
        [
          row(`written, ${ENTRIES_A_COMMIT} a commit`, writing),
          row('limit: hashes compared by one statement', limit),
          row('verified, in order', verifying),
        ],
      )
    } finally {
      await Promise.all([door.close(), sql.end()])
    }
  } finally {
    await house.close()
  }
}

async function fill(inMerchant: InMerchant): Promise<void> {
  for (let written = 0; written < ENTRIES; written += ENTRIES_A_COMMIT) {
    await inMerchant(
      (tx) => tx.sql`
        insert into audit_entry (merchant_id, id, action, target_type, target_id, before, after, reason, actor, occurred_at)
        select ${tx.merchantId}::uuid, uuidv7(), 'product.changed', 'product', ${tx.merchantId}, jsonb_build_object('price', n), jsonb_build_object('price', n + 1),
          'new season', ${JSON.stringify(ACTOR)}::jsonb, now()
        from generate_series(1, ${ENTRIES_A_COMMIT}::int) n`,
    )
  }
}

async function compareAll(sql: postgres.Sql): Promise<void> {
  const [row] = await sql<
    { edited: number }[]
  >`select count(*) filter (where e.hash <> app.audit_hash(e))::int as edited from audit_entry e`
  if (row?.edited !== 0) throw new Error(`${row?.edited} entries are not what was written`)
}

async function verify(inMerchant: InMerchant): Promise<void> {
  const { verified, wrong } = await verifyAudit(inMerchant)
  if (wrong || verified < BigInt(ENTRIES)) throw new Error(`the log is not in order after ${verified} entries`)
}

async function secondsOf(work: () => Promise<void>): Promise<number> {
  const begun = performance.now()
  await work()
  return (performance.now() - begun) / 1_000
}

await benchAudit()
