import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { outcomes } from '../testing/buying.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { createCustomer, deleteCustomer, updateCustomer } from './change-customers.ts'
import { getCustomer } from './customer.ts'
import { customerToken, readCustomerToken } from './customer-token.ts'
import { createGroup, deleteGroup, joinGroup, leaveGroup, listGroups, renameGroup } from './groups.ts'
import { GROUPS_PER_CUSTOMER_MAX } from './limits.ts'
import { listCustomers } from './list-customers.ts'

let shop: TestShop
let merchant: TestMerchant
let other: TestMerchant

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 16, waitMs: 20_000 })
  merchant = await shop.addMerchant()
  other = await shop.addMerchant()
})
afterAll(() => shop.close())

const now = new Date()
const by = { actor: { kind: 'job', task: 'test' } as const, now }
let made = 0
const add = (email = `buyer-${++made}@buyer.example`, of = merchant) => of.inMerchant((tx) => createCustomer(tx, { email }, by))
const addGroup = (name = `Group ${++made}`) => merchant.inMerchant((tx) => createGroup(tx, { name }, by))

describe('a customer', () => {
  it('is known by one address in any spelling, to each merchant by itself', async () => {
    const customer = await add(' Ada@Buyer.example')
    expect(customer).toMatchObject({ email: 'ada@buyer.example', groups: [], ordersCount: 0n, totalSpent: 0n, currency: 'EUR' })
    await expect(add('ADA@buyer.example')).rejects.toMatchObject({ code: 'duplicate', details: { errors: [{ pointer: '/email' }] } })
    expect((await add('ada@buyer.example', other)).id).not.toBe(customer.id)
    await expect(other.inMerchant.read((tx) => getCustomer(tx, customer.id))).rejects.toMatchObject({ code: 'not_found' })
  })

  it('of one address is made once by twenty at once', async () => {
    expect(await outcomes(Array.from({ length: 20 }, () => add('crowd@buyer.example')))).toEqual({ ok: 1, duplicate: 19 })
  })

  it('changes where something is said, and a new VAT id is one that nobody has checked', async () => {
    const { id } = await add()
    const change = (changes: Parameters<typeof updateCustomer>[2]) => merchant.inMerchant((tx) => updateCustomer(tx, id, changes, by))
    await change({ vatId: 'de129273398', vatIdValid: true, taxExempt: true })
    const named = await change({ name: 'Ada' })
    expect(named).toMatchObject({ name: 'Ada', vatId: 'DE129273398', vatIdValid: true, taxExempt: true, version: 3n })
    expect(await change({ vatId: 'FR40303265045' })).toMatchObject({ vatId: 'FR40303265045', vatIdValid: false })
    expect(await change({ vatId: null })).toMatchObject({ vatId: null, vatIdValid: false })
    await expect(change({ email: (await add()).email })).rejects.toMatchObject({ code: 'duplicate' })
    await expect(merchant.inMerchant((tx) => updateCustomer(tx, other.locationId, {}, by))).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  it('is forgotten, with its places in groups and without a word of it in the events', async () => {
    const { id, email } = await add()
    const group = await addGroup()
    await merchant.inMerchant((tx) => joinGroup(tx, { groupId: group.id, customerId: id }, by))
    await merchant.inMerchant((tx) => deleteCustomer(tx, id, by))
    await expect(merchant.inMerchant((tx) => deleteCustomer(tx, id, by))).rejects.toMatchObject({ code: 'not_found' })
    const rows = await merchant.inMerchant.read(
      (tx) => tx.sql`select data::text as said from event where merchant_id = ${tx.merchantId} and aggregate_id = ${id}`,
    )
    expect(rows.length).toBe(2)
    expect(rows.filter((row) => row.said.includes(email))).toEqual([])
  })

  it('is listed page by page, by address and by group', async () => {
    const seller = await shop.addMerchant()
    const ids: string[] = []
    for (let n = 0; n < 5; n++) ids.push((await add(`n${n}@buyer.example`, seller)).id)
    const wanted = ids[2]!
    ids.sort()
    const group = await seller.inMerchant((tx) => createGroup(tx, { name: 'Some' }, by))
    for (const id of ids.slice(0, 3)) await seller.inMerchant((tx) => joinGroup(tx, { groupId: group.id, customerId: id }, by))
    const list = (page: Parameters<typeof listCustomers>[2]) => seller.inMerchant.read((tx) => listCustomers(tx, shop.keys, page))
    const first = await list({ limit: 3 })
    const second = await list({ limit: 3, cursor: first.nextCursor! })
    expect([...first.customers, ...second.customers].map((customer) => customer.id)).toEqual(ids.toReversed())
    expect(second.nextCursor).toBeNull()
    expect((await list({ limit: 3, email: 'N2@buyer.example' })).customers.map(({ id }) => id)).toEqual([wanted])
    const inGroup = await list({ limit: 2, groupId: group.id })
    expect(inGroup.customers.map(({ id }) => id)).toEqual([ids[2], ids[1]])
    await expect(list({ limit: 2, cursor: inGroup.nextCursor! })).rejects.toMatchObject({ code: 'invalid_cursor' })
  })
})

describe('a group', () => {
  it('has a handle that stays while its name changes', async () => {
    const group = await merchant.inMerchant((tx) => createGroup(tx, { name: 'Friends of the house' }, by))
    expect(group.handle).toBe('friends-of-the-house')
    expect(await merchant.inMerchant((tx) => renameGroup(tx, group.id, 'Family', by))).toEqual({ ...group, name: 'Family' })
    await expect(merchant.inMerchant((tx) => createGroup(tx, { name: 'X', handle: group.handle }, by))).rejects.toMatchObject({
      code: 'duplicate',
    })
    expect(await merchant.inMerchant.read(listGroups)).toContainEqual({ ...group, name: 'Family' })
  })

  it('is joined once and left once', async () => {
    const [group, customer] = [await addGroup(), await add()]
    const given = { groupId: group.id, customerId: customer.id }
    const joins = await Promise.all(Array.from({ length: 5 }, () => merchant.inMerchant((tx) => joinGroup(tx, given, by))))
    expect(joins.map(({ groups }) => groups.length)).toEqual([1, 1, 1, 1, 1])
    await merchant.inMerchant((tx) => leaveGroup(tx, given, by))
    await expect(merchant.inMerchant((tx) => leaveGroup(tx, given, by))).rejects.toMatchObject({ code: 'not_found' })
    await merchant.inMerchant((tx) => joinGroup(tx, given, by))
    await merchant.inMerchant((tx) => deleteGroup(tx, group.id, by))
    expect((await merchant.inMerchant.read((tx) => getCustomer(tx, customer.id))).groups).toEqual([])
  })

  it('is not joined by a customer who is in as many as may be, also not by two at once', async () => {
    const customer = await add()
    await merchant.inMerchant(
      (tx) => tx.sql`
      with made as (
        insert into customer_group (merchant_id, handle, name) select ${tx.merchantId}, 'crowd-' || n, 'Crowd'
        from generate_series(1, ${GROUPS_PER_CUSTOMER_MAX - 1}::int) n returning id
      )
      insert into customer_group_member (merchant_id, group_id, customer_id) select ${tx.merchantId}, id, ${customer.id} from made`,
    )
    const groups = [await addGroup(), await addGroup()]
    const counts = await outcomes(
      groups.map(({ id }) => merchant.inMerchant((tx) => joinGroup(tx, { groupId: id, customerId: customer.id }, by))),
    )
    expect(counts).toEqual({ ok: 1, too_many: 1 })
  })
})

describe('a customer token', () => {
  const expiresAt = new Date(now.getTime() + 60_000)

  it('stands for its customer at its merchant, until its time is over', async () => {
    const { id } = await add()
    const token = customerToken(shop.keys, merchant.merchant.id, { customerId: id, expiresAt })
    expect(readCustomerToken(shop.keys, merchant.merchant.id, token, now)).toBe(id)
    const refused = (given: string, of = merchant, at = now) => {
      try {
        return readCustomerToken(shop.keys, of.merchant.id, given, at)
      } catch (error) {
        return (error as { details: { errors: { code: string }[] } }).details.errors[0]!.code
      }
    }
    expect(refused(token, merchant, expiresAt)).toBe('expired')
    expect(refused(token, other)).toBe('invalid')
    expect(refused(`x${token}`)).toBe('invalid')
    expect(refused('')).toBe('invalid')
  })
})
