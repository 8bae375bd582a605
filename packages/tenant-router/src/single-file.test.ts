import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Queue, SingleFile, type SingleFileLimits } from './single-file.ts'
import { CELL, openTestHouse, type TestHouse, until } from './test-merchants.ts'

const ID = 'some merchant'
// Of the ten connections of a router here; the others are shared by single statements.
const LENT = 7
// For what happens before any of these is over, however slow the machine is.
const ENDLESS: SingleFileLimits = { lastsMs: 3_600_000, turnMaxMs: 3_600_000, standBackMaxMs: 3_600_000 }

/** Someone who goes in, and stays until told to leave. */
function visitor(file: SingleFile, merchantId = ID, queue: Queue = 'before the pool') {
  const leaving = Promise.withResolvers<void>()
  const seen = { isIn: false }
  const visit = file.pass(merchantId, queue, async () => {
    seen.isIn = true
    await leaving.promise
  })
  return {
    isIn: async () => {
      await sleep(1)
      return seen.isIn
    },
    leave: async () => {
      leaving.resolve()
      await visit
    },
  }
}

describe('writers of a merchant', () => {
  test('go in as they come, unless its home is about to change: then one at a time, in their order', async () => {
    const file = new SingleFile(ENDLESS)
    const early = [visitor(file), visitor(file)]
    expect([await early[0]!.isIn(), await early[1]!.isIn()]).toEqual([true, true])
    file.begin(ID)
    const [first, second, third] = [visitor(file), visitor(file), visitor(file)]
    const other = visitor(file, 'another merchant')
    expect([await first.isIn(), await second.isIn(), await third.isIn(), await other.isIn()]).toEqual([true, false, false, true])
    await first.leave()
    expect([await second.isIn(), await third.isIn()]).toEqual([true, false])
    await second.leave()
    expect(await third.isIn()).toBe(true)
    await Promise.all([third, other, ...early].map((someone) => someone.leave()))
  })

  test('who fails makes room, too', async () => {
    const file = new SingleFile(ENDLESS)
    file.begin(ID)
    await expect(file.pass(ID, 'before the pool', () => Promise.reject(new Error('refused')))).rejects.toThrow('refused')
    expect(await file.pass(ID, 'before the pool', async () => 'in')).toBe('in')
  })

  test('who asked for a connection before waits with it, for others who have one', async () => {
    const file = new SingleFile(ENDLESS)
    file.begin(ID)
    const newcomer = visitor(file)
    const early = [visitor(file, ID, 'with a connection'), visitor(file, ID, 'with a connection')]
    expect([await newcomer.isIn(), await early[0]!.isIn(), await early[1]!.isIn()]).toEqual([true, true, false])
    await early[0]!.leave()
    expect(await early[1]!.isIn()).toBe(true)
    await Promise.all([newcomer, ...early].map((someone) => someone.leave()))
  })

  test('all go in when one is through at a new home, and after a while in any case', async () => {
    const file = new SingleFile(ENDLESS)
    file.begin(ID)
    const crowd = [visitor(file), visitor(file), visitor(file)]
    file.homeChanged(ID)
    expect([await crowd[0]!.isIn(), await crowd[1]!.isIn()]).toEqual([true, false])
    await crowd[0]!.leave()
    for (const someone of crowd) expect(await someone.isIn()).toBe(true)
    const brief = new SingleFile({ ...ENDLESS, lastsMs: 50 })
    brief.begin(ID)
    const later = [visitor(brief), visitor(brief)]
    for (const someone of later) await until('they are in', () => someone.isIn())
    expect(brief.isUnderWay(ID)).toBe(false)
    await Promise.all([...crowd, ...later].map((someone) => someone.leave()))
  })

  test('who meets a home that is not open yet opens the way for nobody', async () => {
    const file = new SingleFile(ENDLESS)
    file.begin(ID)
    file.homeChanged(ID)
    await expect(file.pass(ID, 'before the pool', () => Promise.reject(new Error('not yet')))).rejects.toThrow('not yet')
    expect(file.isUnderWay(ID)).toBe(true)
    await file.pass(ID, 'before the pool', async () => {})
    expect(file.isUnderWay(ID)).toBe(false)
  })

  test('what can wait does so while somebody moves into its cell or out of it, and not for long', async () => {
    const file = new SingleFile(ENDLESS)
    file.begin(ID, ['old home', 'new home'])
    const quiet = { elsewhere: false, here: false }
    void file.quietAt('elsewhere').then(() => {
      quiet.elsewhere = true
    })
    const here = file.quietAt('new home').then(() => {
      quiet.here = true
    })
    await sleep(1)
    expect(quiet).toEqual({ elsewhere: true, here: false })
    file.homeChanged(ID)
    await file.pass(ID, 'before the pool', async () => {})
    await here
    const brief = new SingleFile({ ...ENDLESS, standBackMaxMs: 50 })
    brief.begin(ID, ['old home', 'new home'])
    await brief.quietAt('old home')
    expect(brief.isUnderWay(ID)).toBe(true)
  })

  test('one who waits for itself goes in after a while', async () => {
    const file = new SingleFile()
    file.begin(ID)
    expect(await file.pass(ID, 'before the pool', () => file.pass(ID, 'before the pool', async () => 'within'))).toBe('within')
  })
})

describe('a router that hears that a merchant is about to change homes', () => {
  let house: TestHouse
  beforeAll(async () => {
    house = await openTestHouse({ singleFile: ENDLESS })
    await house.router.listen()
  })
  afterAll(() => house.close())

  /** Hears of everything that was announced so far: on one connection, in its order. */
  async function heard(...announced: [channel: string, merchantId: string][]): Promise<void> {
    const all = house.router.directory.nextChange(house.second.id, 60_000)
    for (const [channel, merchantId] of [...announced, ['souk_directory', house.second.id]] as const)
      await house.admin`select pg_notify(${channel}, ${merchantId})`
    expect(await all).toBe(true)
  }

  /** Writers who stay in until told to leave. */
  function writers() {
    const leave: (() => void)[] = []
    const write = () =>
      house.router.withMerchant(house.first, async () => {
        const { promise, resolve } = Promise.withResolvers<void>()
        leave.push(resolve)
        await promise
      })
    return { leave, write }
  }

  test('lets its writers in one at a time, readers and writers of others as they come', async () => {
    await heard(['souk_switching', house.first.id])
    const { leave, write } = writers()
    const writing = [write(), write(), write()]
    await until('one is in', () => leave.length > 0)
    const others = [
      house.router.readMerchant(house.first, async () => 'read'),
      house.router.withMerchant(house.second, async () => 'written'),
    ]
    expect(await Promise.all(others)).toEqual(['read', 'written'])
    expect(leave).toHaveLength(1)
    await heard(['souk_directory', house.first.id])
    expect(leave).toHaveLength(1)
    leave[0]!()
    await until('all are in', () => leave.length === 3)
    for (const go of leave) go()
    await Promise.all(writing)
  })

  test('begins nothing that can wait in either of the two cells', async () => {
    const patient = house.openRouter({ standsBack: true })
    await patient.listen()
    const change = patient.directory.nextChange(house.first.id, 60_000)
    await house.admin`select pg_notify('souk_switching', ${`${house.first.id} ${CELL} shared-2`})`
    await house.admin`select pg_notify('souk_directory', ${house.first.id})`
    expect(await change).toBe(true)
    let isIn = false
    const writing = patient.withMerchant(house.second, async () => {
      isIn = true
    })
    await patient.readMerchant(house.second, async () => {})
    expect(isIn).toBe(false)
    await patient.directory.singleFile.pass(house.first.id, 'before the pool', async () => {})
    await writing
    // The other router has heard of it, too: somebody has to be through there, for the next test.
    await heard()
    await house.router.withMerchant(house.first, async () => {})
  })

  test('lets those in one at a time who have waited for a connection since before', async () => {
    const { leave, write } = writers()
    const early = Array.from({ length: LENT }, write)
    await until('all connections are taken', () => leave.length === LENT)
    const late = [write(), write(), write()]
    await heard(['souk_switching', house.first.id])
    for (const go of leave.splice(0)) go()
    await Promise.all(early)
    await until('one is in', () => leave.length > 0)
    await house.router.readMerchant(house.first, async () => {})
    expect(leave).toHaveLength(1)
    await heard(['souk_directory', house.first.id])
    leave[0]!()
    await until('all are in', () => leave.length === 3)
    for (const go of leave) go()
    await Promise.all(late)
  })
})
