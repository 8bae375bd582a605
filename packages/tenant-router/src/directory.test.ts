import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Directory } from './directory.ts'
import type { MerchantEntry } from './merchant-entry.ts'
import { BASE_DOMAIN, failureOf, openTestHouse, type TestHouse, until } from './test-merchants.ts'
import { openTestWire, type TestWire } from './test-wire.ts'

let house: TestHouse
let wire: TestWire
let directory: Directory
let merchant: MerchantEntry
let heard: number

beforeAll(async () => {
  house = await openTestHouse()
})
afterAll(() => house.close())

beforeEach(async () => {
  wire = await openTestWire(house.database.url('souk_app'))
  heard = 0
  directory = new Directory({ url: wire.url, baseDomain: BASE_DOMAIN, onListening: () => (heard += 1) })
  await directory.listen()
  const [added] = await house.addMerchants(1)
  merchant = added!
  await announcementsOf(merchant)
})
afterEach(async () => {
  await directory.close()
  await wire.close()
})

/** Announcements arrive in order, so once this one has, all before it have too. */
async function announcementsOf(entry: MerchantEntry): Promise<void> {
  const host = `marker-${entry.slug}.example`
  await until('the directory has heard of everything so far', async () => {
    if (await directory.byHost(host)) return true
    await house.admin`insert into platform.domain (host, merchant_id, challenge, verified_at) values (${host}, ${entry.id}, 'c', now()) on conflict do nothing`
    return false
  })
  await house.admin`delete from platform.domain where host = ${host}`
  await until('the marker is gone', async () => (await directory.byHost(host)) === undefined)
}

const host = () => `${merchant.slug}.${BASE_DOMAIN}`

async function questionsAsked(run: () => Promise<unknown>): Promise<number> {
  wire.reset()
  await run()
  return wire.counts.B ?? 0
}

describe('names', () => {
  test('a merchant is found by its slug under the base domain, whatever the case', async () => {
    expect(await directory.byHost(host())).toEqual(merchant)
    expect(await directory.byHost(host().toUpperCase())).toEqual(merchant)
  })

  test('by its own domain once that is verified, and not before', async () => {
    const own = `www.${merchant.slug}.example`
    await house.admin`insert into platform.domain (host, merchant_id, challenge) values (${own}, ${merchant.id}, 'c')`
    expect(await directory.byHost(own)).toBeUndefined()
    await house.admin`update platform.domain set verified_at = now() where host = ${own}`
    await until('the verified domain is served', async () => (await directory.byHost(own))?.id === merchant.id)
  })

  test('by its id', async () => {
    expect(await directory.byId(merchant.id)).toEqual(merchant)
    expect(await directory.byId(merchant.id.toUpperCase())).toEqual(merchant)
  })

  test.each([
    ['the base domain itself', () => BASE_DOMAIN],
    ['a dot and the base domain', () => `.${BASE_DOMAIN}`],
    ['a name below a shop', () => `admin.${host()}`],
    ['a slug nobody has', () => `nobody.${BASE_DOMAIN}`],
    ['the slug under another domain', () => `${merchant.slug}.example`],
    ['a domain that only ends alike', () => `${merchant.slug}.not${BASE_DOMAIN}`],
    ['the id as a slug', () => `${merchant.id}.${BASE_DOMAIN}`],
    ['nothing', () => ''],
  ])('nobody is found by %s', async (_name, name) => {
    expect(await directory.byHost(name())).toBeUndefined()
  })

  test.each(['', 'x', "' or true --", '00000000-0000-0000-0000-000000000000', '\0'])('nobody has the id %j', async (id) => {
    expect(await directory.byId(id)).toBeUndefined()
  })
})

describe('memory', () => {
  test('a name is asked for once, also when many ask at the same time', async () => {
    expect(await questionsAsked(() => Promise.all(Array.from({ length: 50 }, () => directory.byHost(host()))))).toBe(1)
    expect(await questionsAsked(() => directory.byHost(host()))).toBe(0)
  })

  test('a name that nobody has is remembered too, and forgotten when somebody takes it', async () => {
    const own = `soon.${merchant.slug}.example`
    expect(await questionsAsked(() => directory.byHost(own))).toBe(1)
    expect(await questionsAsked(() => directory.byHost(own))).toBe(0)
    await house.admin`insert into platform.domain (host, merchant_id, challenge, verified_at) values (${own}, ${merchant.id}, 'c', now())`
    await until('the new domain is served', async () => (await directory.byHost(own))?.id === merchant.id, 2_000)
  })

  test('what is remembered can be had without asking, and only until it changes', async () => {
    expect(directory.rememberedByHost(`nobody.${BASE_DOMAIN}`)).toBeUndefined()
    await directory.byHost(host())
    expect(await questionsAsked(async () => expect(directory.rememberedByHost(host().toUpperCase())).toEqual(merchant))).toBe(0)
    await house.admin`update platform.merchant set status = 'suspended' where id = ${merchant.id}`
    await until('the change has been heard', () => directory.rememberedByHost(host()) === undefined)
    await directory.byHost(host())
    expect(directory.rememberedByHost(host())?.status).toBe('suspended')
  })

  test('one merchant that changes does not cost the others their entries', async () => {
    await directory.byHost(`${house.first.slug}.${BASE_DOMAIN}`)
    await house.admin`update platform.merchant set name = 'renamed' where id = ${merchant.id}`
    await announcementsOf(merchant)
    expect(await questionsAsked(() => directory.byHost(`${house.first.slug}.${BASE_DOMAIN}`))).toBe(0)
  })
})

describe('changes', () => {
  test.each([
    [
      'its status',
      (id: string) => house.admin`update platform.merchant set status = 'suspended' where id = ${id}`,
      { status: 'suspended' },
    ],
    ['its home', (id: string) => house.admin`update platform.home set epoch = 7 where merchant_id = ${id}`, { epoch: 7n }],
    ['its slug', (id: string) => house.admin`update platform.merchant set slug = 'new-' || slug where id = ${id}`, undefined],
  ])('%s is heard of under every name, long before memory would fade', async (_name, change, expected) => {
    const own = `own.${merchant.slug}.example`
    await house.admin`insert into platform.domain (host, merchant_id, challenge, verified_at) values (${own}, ${merchant.id}, 'c', now())`
    await announcementsOf(merchant)
    await Promise.all([directory.byHost(host()), directory.byHost(own), directory.byId(merchant.id)])
    await change(merchant.id)
    await until(
      'the change shows',
      async () => {
        const entry = await directory.byHost(host())
        return expected ? entry !== undefined && Object.entries(expected).every(([key, value]) => entry[key as 'slug'] === value) : !entry
      },
      2_000,
    )
    const [byDomain, byId] = await Promise.all([directory.byHost(own), directory.byId(merchant.id)])
    expect(byDomain).toMatchObject(expected ?? { slug: `new-${merchant.slug}` })
    expect(byId).toEqual(byDomain)
  })

  test('who waits for a change of a merchant is told of it, and of nobody else, and waits no longer than said', async () => {
    await announcementsOf(merchant)
    const changed = directory.nextChange(merchant.id, 600_000)
    const unchanged = directory.nextChange(randomUUID(), 1)
    await house.admin`update platform.home set epoch = epoch + 1 where merchant_id = ${merchant.id}`
    expect(await changed).toBe(true)
    expect(await unchanged).toBe(false)
  })

  test('a domain that was taken away is not served any more', async () => {
    const own = `gone.${merchant.slug}.example`
    await house.admin`insert into platform.domain (host, merchant_id, challenge, verified_at) values (${own}, ${merchant.id}, 'c', now())`
    await until('it is served', async () => (await directory.byHost(own)) !== undefined)
    await house.admin`delete from platform.domain where host = ${own}`
    await until('it is not', async () => (await directory.byHost(own)) === undefined, 2_000)
  })

  test('a domain that goes from one merchant to another is the other one`s', async () => {
    const own = `sold.${merchant.slug}.example`
    await house.admin`insert into platform.domain (host, merchant_id, challenge, verified_at) values (${own}, ${merchant.id}, 'c', now())`
    await until('it is served', async () => (await directory.byHost(own)) !== undefined)
    await house.admin`update platform.domain set merchant_id = ${house.second.id} where host = ${own}`
    await until('it is the other one`s', async () => (await directory.byHost(own))?.id === house.second.id, 2_000)
  })

  test('an answer that was under way while its change was announced is not remembered', async () => {
    const answer = wire.hold(merchant.slug)
    const asked = directory.byHost(host())
    await until('the answer is under way', answer.held)
    await house.admin`update platform.home set epoch = 2 where merchant_id = ${merchant.id}`
    await announcementsOf(house.second)
    answer.letGo()
    expect((await asked)?.epoch).toBe(1n)
    expect((await directory.byHost(host()))?.epoch).toBe(2n)
  })

  test('whoever asks after an announcement does not get an answer from before it', async () => {
    const answer = wire.hold(merchant.slug)
    const before = directory.byHost(host())
    await until('the answer is under way', answer.held)
    await house.admin`update platform.home set epoch = 2 where merchant_id = ${merchant.id}`
    await announcementsOf(house.second)
    const after = directory.byHost(host())
    answer.letGo()
    expect([(await before)?.epoch, (await after)?.epoch]).toEqual([1n, 2n])
  })

  test('refreshing spoils nobody else`s question', async () => {
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) => (index % 3 === 0 ? directory.refresh(merchant.id) : directory.byId(merchant.id))),
    )
    expect(answers).toEqual(Array(60).fill(merchant))
  })

  test('a refreshed entry is the answer under every name', async () => {
    const deaf = new Directory({ url: house.database.url('souk_app'), baseDomain: BASE_DOMAIN })
    await deaf.byHost(host())
    await house.admin`update platform.home set epoch = 3 where merchant_id = ${merchant.id}`
    expect((await deaf.byHost(host()))?.epoch).toBe(1n)
    expect((await deaf.refresh(merchant.id))?.epoch).toBe(3n)
    expect((await deaf.byHost(host()))?.epoch).toBe(3n)
    await deaf.close()
  })
})

describe('a stream of changes that breaks', () => {
  test('begins anew by itself, and everything remembered before is asked again', async () => {
    expect(heard).toBe(1)
    await directory.byHost(host())
    await wire.stopListening()
    await house.admin`update platform.merchant set status = 'suspended' where id = ${merchant.id}`
    // Memory serves while the database is away.
    expect((await directory.byHost(host()))?.status).toBe('active')
    await wire.listenAgain()
    await until('it listens again', () => heard === 2)
    expect((await directory.byHost(host()))?.status).toBe('suspended')
    await house.admin`update platform.merchant set status = 'active' where id = ${merchant.id}`
    await until('it hears again', async () => (await directory.byHost(host()))?.status === 'active', 2_000)
  })

  test('a directory that does not answer is unavailable, not empty', async () => {
    await wire.stopListening()
    expect(await failureOf(directory.byHost(host()))).toMatchObject({ code: 'cell_unavailable' })
    await wire.listenAgain()
    await until('it answers again', async () => (await directory.byHost(host()).catch(() => undefined))?.id === merchant.id)
  })
})

describe('a suspended merchant', () => {
  test('is let in by neither door', async () => {
    await house.admin`update platform.merchant set status = 'suspended' where id = ${merchant.id}`
    const entry = (await directory.refresh(merchant.id))!
    const inMerchant = house.router.inMerchant(entry)
    expect(await failureOf(inMerchant((tx) => tx.sql`select 1`))).toMatchObject({ code: 'merchant_suspended' })
    expect(await failureOf(inMerchant.read((tx) => tx.sql`select 1`))).toMatchObject({ code: 'merchant_suspended' })
    expect(await failureOf(inMerchant.readOnce((tx) => [tx.sql`select 1`]))).toMatchObject({ code: 'merchant_suspended' })
  })
})
