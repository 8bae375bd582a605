import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openPlatformSql, type PlatformSql } from '../platform-sql.ts'
import { PlanBook } from './plan-book.ts'
import { Plans } from './plans.ts'
import { directoryBuckets, type RequestRate } from './request-buckets.ts'
import { RequestTokens } from './request-tokens.ts'
import { Usage } from './usage.ts'
import { UsageMeter } from './usage-meter.ts'

const ADMIN = '00000000-0000-7000-8000-0000000000ad'
const NOW = new Date('2026-03-01T12:00:00Z')
const BY = { adminId: ADMIN, now: NOW }

let database: TestDatabase
let sql: PlatformSql
let app: PlatformSql
let plans: Plans
let made = 0

beforeAll(async () => {
  database = await createTestDatabase()
  sql = openPlatformSql(database.url('souk_platform'))
  app = openPlatformSql(database.url('souk_platform'))
  plans = new Plans(sql)
})
afterAll(async () => {
  await Promise.all([sql.end(), app.end()])
  await database.drop()
})

async function addMerchant(): Promise<string> {
  made += 1
  const [row] = await sql<{ id: string }[]>`
    insert into platform.merchant (slug, name, status) values (${`merchant-${made}`}, 'A', 'active') returning id`
  return row!.id
}

const fail = (error: unknown) => {
  throw error
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 180_000
  while (!(await what())) {
    if (performance.now() > deadline) throw new Error('waited for nothing')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

describe('plans', () => {
  it('are the standard one until something else is said, which every process hears of', async () => {
    const merchant = await addMerchant()
    const book = new PlanBook({ sql: app, onError: fail })
    await book.open()
    expect([book.planOf(merchant), book.limitsOf(merchant).requests]).toEqual(['standard', undefined])
    await plans.put('small', { requests: { per_second: 5, burst: 10 } }, BY)
    await plans.assign(merchant, 'small', BY)
    await until(() => book.limitsOf(merchant).requests?.per_second === 5)
    await plans.put('small', { requests: { per_second: 7, burst: 10 } }, BY)
    await until(() => book.limitsOf(merchant).requests?.per_second === 7)
    await plans.assign(merchant, 'standard', BY)
    await until(() => book.planOf(merchant) === 'standard')
    await book.close()
  })

  it('of a newer release hold as far as this one understands them', async () => {
    const merchant = await addMerchant()
    await plans.put('newer', {}, BY)
    await plans.assign(merchant, 'newer', BY)
    const limits = { rows: { stored: 10 }, requests: { per_second: 5, burst: 10, per_century: 1 }, unheard_of: true }
    await sql`update platform.plan set limits = ${JSON.stringify(limits)}::text::jsonb where name = 'newer'`
    const errors: unknown[] = []
    const book = new PlanBook({ sql: app, onError: (error) => void errors.push(error) })
    await book.refresh()
    expect(book.limitsOf(merchant)).toEqual({ rows: { stored: 10 } })
    expect(errors).toHaveLength(1)
    await plans.put('newer', {}, BY)
  })

  it('know who has stored as much as it may, by what was counted last', async () => {
    const merchant = await addMerchant()
    await plans.put('small-store', { rows: { stored: 100 } }, BY)
    await plans.assign(merchant, 'small-store', BY)
    const book = new PlanBook({ sql: app, onError: fail })
    await book.refresh()
    expect(book.fullOf(merchant)).toBeUndefined()
    const tell = async (day: string, rows_stored: number) => {
      await sql`select platform.add_usage(${day}, ${JSON.stringify([{ merchant_id: merchant, rows_stored }])}::text::jsonb)`
      await book.refresh()
    }
    await tell('2026-03-01', 100)
    expect(book.fullOf(merchant)).toEqual({ stored: 100, allowed: 100 })
    await tell('2026-03-02', 99)
    expect(book.fullOf(merchant)).toBeUndefined()
    await tell('2026-03-02', 150)
    await plans.put('small-store', { rows: { stored: 200 } }, BY)
    await book.refresh()
    expect(book.fullOf(merchant)).toBeUndefined()
  })

  it('are written into the audit log by whoever changes them, and only if something changes', async () => {
    const merchant = await addMerchant()
    await plans.put('audited', {}, BY)
    await plans.assign(merchant, 'audited', BY)
    await plans.assign(merchant, 'audited', BY)
    const entries = await sql`select action, data from platform.audit where merchant_id = ${merchant} order by sequence`
    expect(entries).toEqual([{ action: 'merchant.set_plan', data: { plan: 'audited' } }])
  })

  it('are not removed while a merchant has them, and the standard one never', async () => {
    const merchant = await addMerchant()
    await plans.put('in-use', {}, BY)
    await plans.assign(merchant, 'in-use', BY)
    await expect(plans.remove('in-use', BY)).rejects.toMatchObject({ code: 'invalid_state' })
    await expect(plans.remove('standard', BY)).rejects.toMatchObject({ code: 'invalid_state' })
    await plans.assign(merchant, 'standard', BY)
    await plans.remove('in-use', BY)
    await expect(plans.remove('in-use', BY)).rejects.toMatchObject({ code: 'not_found' })
    await expect(plans.assign(merchant, 'in-use', BY)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('are had or removed, and never both, when somebody is given one as it is removed', async () => {
    const merchants = await Promise.all(Array.from({ length: 20 }, addMerchant))
    const outcomes = await Promise.all(
      merchants.map(async (merchant, n) => {
        const name = `contested-${n}`
        await plans.put(name, {}, BY)
        const codeOf = (done: Promise<unknown>) =>
          done.then(
            () => 'done',
            (error) => (error as { code?: string }).code,
          )
        const both = [codeOf(plans.assign(merchant, name, BY)), codeOf(plans.remove(name, BY))]
        return { assigned: await both[0], removed: await both[1], has: (await plans.ofMerchant(merchant)).name, name }
      }),
    )
    for (const { assigned, removed, has, name } of outcomes) {
      expect([
        ['done', 'invalid_state', name],
        ['not_found', 'done', 'standard'],
      ]).toContainEqual([assigned, removed, has])
    }
  })

  it('are not kept by merchants that were erased', async () => {
    const merchant = await addMerchant()
    await plans.put('of-the-erased', {}, BY)
    await plans.assign(merchant, 'of-the-erased', BY)
    await sql`update platform.merchant set status = 'erased' where id = ${merchant}`
    expect((await plans.list()).find(({ name }) => name === 'of-the-erased')).toMatchObject({ merchantCount: 0 })
    await plans.remove('of-the-erased', BY)
    expect((await plans.ofMerchant(merchant)).name).toBe('standard')
  })
})

describe('requests over a rate', () => {
  // The least that a plan can say: within this test none is made up for.
  const SLOW: RequestRate = { per_second: 0.01, burst: 60 }

  it('are refused by all processes together, not by each for itself', async () => {
    const merchant = await addMerchant()
    const processes = Array.from({ length: 3 }, () => new RequestTokens({ buckets: directoryBuckets(app), onError: fail }))
    const answers = await Promise.all(processes.flatMap((tokens) => Array.from({ length: 100 }, async () => tokens.take(merchant, SLOW))))
    expect(answers.filter(({ granted }) => granted)).toHaveLength(60)
    const refused = answers.filter(({ granted }) => !granted)
    expect(refused.every(({ waitMs }) => waitMs > 0 && waitMs <= 100_000)).toBe(true)
  })

  it('cost the directory nothing once it said that there are none', async () => {
    const merchant = await addMerchant()
    let asked = 0
    const counted = new Proxy(app, {
      apply(target, self, given) {
        asked += 1
        return Reflect.apply(target as never, self, given)
      },
    }) as PlatformSql
    const tokens = new RequestTokens({ buckets: directoryBuckets(counted), onError: fail })
    for (let n = 0; n < 200; n++) await tokens.take(merchant, { per_second: 0.01, burst: 1 })
    expect(asked).toBeLessThanOrEqual(2)
  })

  it('are let through again as time goes on', async () => {
    const merchant = await addMerchant()
    const rate = { per_second: 50, burst: 1 }
    const tokens = new RequestTokens({ buckets: directoryBuckets(app), onError: fail })
    expect((await tokens.take(merchant, rate)).granted).toBe(true)
    await until(async () => (await tokens.take(merchant, rate)).granted)
  })

  it('are counted by the plan as it is now: nobody waits by an older one, and what was taken in advance by it is not given out', async () => {
    const merchant = await addMerchant()
    const tokens = new RequestTokens({ buckets: directoryBuckets(app), onError: fail })
    const [least, most] = [
      { per_second: 0.01, burst: 1 },
      { per_second: 100_000, burst: 1_000_000 },
    ]
    await tokens.take(merchant, least)
    expect((await tokens.take(merchant, least)).granted).toBe(false)
    expect(tokens.emptyMs(merchant, most)).toBe(0)
    await until(async () => (await tokens.take(merchant, most)).granted)

    const other = await addMerchant()
    await tokens.take(other, most)
    const answers = await Promise.all(Array.from({ length: 50 }, async () => tokens.take(other, least)))
    expect(answers.filter(({ granted }) => granted)).toHaveLength(1)
  })

  it('are counted by each process alone while the directory does not answer', async () => {
    const merchant = await addMerchant()
    const gone = openPlatformSql(database.url('souk_platform'))
    await gone.end()
    let now = 0
    const errors: unknown[] = []
    const tokens = new RequestTokens({ buckets: directoryBuckets(gone), onError: (error) => void errors.push(error), clock: () => now })
    const granted = async () => {
      let count = 0
      for (let n = 0; n < 20; n++) if ((await tokens.take(merchant, { per_second: 1, burst: 5 })).granted) count += 1
      return count
    }
    expect(await granted()).toBe(5)
    now += 2_000
    expect(await granted()).toBe(2)
    expect(errors.length).toBeGreaterThan(0)
  })
})

describe('usage', () => {
  it('is kept for 400 days, by how many processes ever it is told', async () => {
    const merchants = await Promise.all([addMerchant(), addMerchant()])
    const days = async () => [
      ...(await sql`select distinct day::text from platform.usage where merchant_id = any(${merchants}) order by 1`),
    ]
    for (const merchant of merchants)
      await sql`
        insert into platform.usage (merchant_id, day) select ${merchant}, day::date from generate_series(
          '2026-03-01'::date - 410, '2026-03-01'::date - 398, interval '1 day') as day`
    const options = { sql, now: () => NOW, onError: (error: unknown) => expect.unreachable(String(error)) }
    const meters = [new UsageMeter(options), new UsageMeter(options), new UsageMeter(options)]
    expect(await Promise.all(meters.map((meter) => meter.prune()))).toEqual([false, false, false])
    expect(await days()).toEqual([{ day: '2025-01-25' }, { day: '2025-01-26' }, { day: '2025-01-27' }])
    await Promise.all(meters.map((meter) => meter.close()))
    await sql`delete from platform.usage where merchant_id = any(${merchants})`
  })

  it('is added up by day, from all processes, and kept while it cannot be told', async () => {
    const merchant = await addMerchant()
    const errors: unknown[] = []
    const options = { sql: app, now: () => NOW, onError: (error: unknown) => void errors.push(error) }
    const [one, other] = [new UsageMeter(options), new UsageMeter(options)]
    one.count(merchant, { requests: 2, database_ms: 1.2 })
    one.count(merchant, { requests: 1, database_ms: 1.4, rows_stored: 10 })
    other.count(merchant, { requests: 4, refused: 1, jobs: 1, job_ms: 20 })
    await Promise.all([one.close(), other.close()])
    const days =
      await sql`select day::text, requests, refused, database_ms, jobs, job_ms, rows_stored from platform.usage where merchant_id = ${merchant}`
    expect(days).toEqual([{ day: '2026-03-01', requests: 7n, refused: 1n, database_ms: 3n, jobs: 1n, job_ms: 20n, rows_stored: 10n }])
    expect(errors).toEqual([])
  })

  it('is that of the day on which it was counted, however late it is told', async () => {
    const merchant = await addMerchant()
    let now = new Date('2026-03-01T23:59:59.999Z')
    let fails = false
    const sometimes = new Proxy(app, {
      apply: (target, self, given) => (fails ? Promise.reject(new Error('away')) : Reflect.apply(target as never, self, given)),
    }) as PlatformSql
    const meter = new UsageMeter({ sql: sometimes, now: () => now, onError: () => {} })
    meter.count(merchant, { requests: 1, rows_stored: 10 })
    now = new Date('2026-03-02T00:00:00Z')
    meter.count(merchant, { requests: 2 })
    fails = true
    await meter.flush()
    meter.count(merchant, { requests: 4 })
    now = new Date('2026-03-03T00:00:10Z')
    fails = false
    await meter.flush()
    meter.count(merchant, { requests: 8 })
    await meter.close()
    expect([
      ...(await sql`select day::text, requests, rows_stored from platform.usage where merchant_id = ${merchant} order by day`),
    ]).toEqual([
      { day: '2026-03-01', requests: 1n, rows_stored: 10n },
      { day: '2026-03-02', requests: 6n, rows_stored: null },
      { day: '2026-03-03', requests: 8n, rows_stored: null },
    ])
  })

  it('that could not be told is told the next time', async () => {
    const merchant = await addMerchant()
    let fails = true
    const failing = new Proxy(app, {
      apply: (target, self, given) => (fails ? Promise.reject(new Error('away')) : Reflect.apply(target as never, self, given)),
    }) as PlatformSql
    const meter = new UsageMeter({ sql: failing, now: () => NOW, onError: () => {} })
    meter.count(merchant, { requests: 1 })
    await meter.flush()
    meter.count(merchant, { requests: 1 })
    fails = false
    await meter.close()
    expect([...(await sql`select requests from platform.usage where merchant_id = ${merchant}`)]).toEqual([{ requests: 2n }])
  })

  it('of the last days is what the advisor looks at, with who was moved in them; whoever is being moved is left out', async () => {
    const [settled, moved, moving, before] = await Promise.all([addMerchant(), addMerchant(), addMerchant(), addMerchant()])
    await sql`insert into platform.cell (name, kind) values ('here', 'shared'), ('there', 'shared')`
    for (const id of [settled, moved, moving, before]) {
      await sql`insert into platform.home (merchant_id, cell, epoch) values (${id}, 'here', 1)`
      await sql`insert into platform.usage (merchant_id, day, database_ms, rows_stored) values (${id}, '2026-02-22', 1, 1), (${id}, '2026-02-23', 20, 2), (${id}, '2026-03-01', 300, null)`
    }
    const move = (id: string, state: string, since: string) => sql`
      insert into platform.move (merchant_id, from_cell, to_cell, state, epoch, requested_at, state_since)
      values (${id}, 'there', 'here', ${state}, 1, ${since}, ${since})`
    await move(moved, 'done', '2026-02-25T00:00:00Z')
    await move(before, 'done', '2026-02-20T00:00:00Z')
    await move(moving, 'seeding', '2026-03-01T00:00:00Z')
    const { merchants } = await new Usage(sql).load(7, NOW)
    const looked = (id: string) => merchants.find(({ merchantId }) => merchantId === id)
    expect(looked(settled)).toMatchObject({ cell: 'here', databaseMs: 320, rowsStored: 2, movedLately: false })
    expect([looked(moved)?.movedLately, looked(before)?.movedLately, looked(moving)]).toEqual([true, false, undefined])
  })
})
