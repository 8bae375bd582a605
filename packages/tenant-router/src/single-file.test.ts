import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SingleFile } from './single-file.ts'
import { openTestHouse, type TestHouse, until } from './test-merchants.ts'

const ID = 'some merchant'

/** Someone who goes in, and stays until told to leave. */
function visitor(file: SingleFile, merchantId = ID) {
  const leaving = Promise.withResolvers<void>()
  const seen = { isIn: false }
  const visit = file.pass(merchantId, async () => {
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
    const file = new SingleFile()
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
    const file = new SingleFile()
    file.begin(ID)
    await expect(file.pass(ID, () => Promise.reject(new Error('refused')))).rejects.toThrow('refused')
    expect(await file.pass(ID, async () => 'in')).toBe('in')
  })

  test('all go in when the home has changed, and after a second in any case', async () => {
    const file = new SingleFile()
    file.begin(ID)
    const crowd = [visitor(file), visitor(file), visitor(file)]
    file.end(ID)
    for (const someone of crowd) expect(await someone.isIn()).toBe(true)
    file.begin(ID)
    await sleep(1_100)
    const later = [visitor(file), visitor(file)]
    for (const someone of later) expect(await someone.isIn()).toBe(true)
    await Promise.all([...crowd, ...later].map((someone) => someone.leave()))
  })

  test('one who waits for itself goes in after a while', async () => {
    const file = new SingleFile()
    file.begin(ID)
    expect(await file.pass(ID, () => file.pass(ID, async () => 'within'))).toBe('within')
  })
})

describe('a router that hears that a merchant is about to change homes', () => {
  let house: TestHouse
  beforeAll(async () => {
    house = await openTestHouse()
    await house.router.listen()
  })
  afterAll(() => house.close())

  test('lets its writers in one at a time, readers and writers of others as they come', async () => {
    await house.admin`select pg_notify('souk_switching', ${house.first.id})`
    // Heard of on one connection, in this order: so what came first has been heard.
    const heard = house.router.directory.nextChange(house.second.id, 60_000)
    await house.admin`select pg_notify('souk_directory', ${house.second.id})`
    expect(await heard).toBe(true)
    const inside = Promise.withResolvers<void>()
    let writers = 0
    const write = () =>
      house.router.withMerchant(house.first, async () => {
        writers += 1
        await inside.promise
      })
    const writing = [write(), write(), write()]
    await until('one is in', () => writers > 0)
    const readers = [
      house.router.readMerchant(house.first, async () => 'read'),
      house.router.withMerchant(house.second, async () => 'written'),
    ]
    expect(await Promise.all(readers)).toEqual(['read', 'written'])
    expect(writers).toBe(1)
    await house.admin`select pg_notify('souk_directory', ${house.first.id})`
    await until('all are in', () => writers === 3)
    inside.resolve()
    await Promise.all(writing)
  })
})
