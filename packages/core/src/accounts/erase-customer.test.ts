import { checkInvariantsAtRest } from '@souk/migrations/invariants.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Address } from '../cart/address.ts'
import { createCart } from '../cart/change-cart.ts'
import { cancelOrder } from '../checkout/cancel-order.ts'
import { addAddress } from '../customers/addresses.ts'
import { createCustomer } from '../customers/change-customers.ts'
import { getCustomer } from '../customers/customer.ts'
import { makeRequest } from '../customers/requests.ts'
import { changeStoreCredit, storeCreditOf } from '../gift-cards/store-credit.ts'
import { storeIdempotentResponse } from '../idempotency/idempotency.ts'
import { newId } from '../ids.ts'
import { claimGuestOrders } from '../orders/claim-guest-orders.ts'
import { holdOrder } from '../orders/hold-order.ts'
import { listCustomerOrders, readCustomerOrder } from '../orders/list-customer-orders.ts'
import { buyCart, fillCart, outcomes } from '../testing/buying.ts'
import { addGoods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { eraseCustomer } from './erase-customer.ts'
import { exportCustomer } from './export-customer.ts'

let shop: TestShop
let merchant: TestMerchant

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 12, waitMs: 30_000 })
  merchant = await shop.addMerchant()
})
afterAll(async () => {
  expect(await checkInvariantsAtRest(shop.database.adminUrl)).toEqual([])
  await shop.close()
})

const now = new Date()
const actor = { kind: 'job', task: 'test' } as const
let made = 0

/** Somebody with a word of their own in everything that is kept of them. */
async function addPerson() {
  const canary = `canary${++made}x`
  const email = `${canary}@buyer.example`
  const customer = await merchant.inMerchant((tx) => createCustomer(tx, { email, name: `${canary} Ada` }, { actor, now }))
  const address = { name: `${canary} Ada`, line1: `${canary} street 1`, city: 'Berlin', country: 'DE' }
  const kept = await merchant.inMerchant((tx) => addAddress(tx, customer.id, { address, now }))
  await keepAnswers(
    { id: kept.id, ...address },
    { id: customer.id, email, name: `${canary} Ada` },
    { id: newId(), email, shipping_address: address },
  )
  await merchant.inMerchant((tx) => makeRequest(tx, { kind: 'password_reset', email, now }))
  return { canary, email, address, customerId: customer.id }
}

/** Answers to requests of theirs, as they are kept for whoever sends them again: of an address, an account and an order. */
async function keepAnswers(...bodies: object[]) {
  for (const body of bodies) {
    const request = { route: 'POST /v1/customers/me/addresses', key: `answer-${newId()}`, fingerprint: 'same' }
    await merchant.inMerchant((tx) => storeIdempotentResponse(tx, request, { statusCode: 201, body: JSON.stringify(body) }))
  }
}

async function order(person: { email: string; address: Address; customerId?: string }) {
  const goods = await addGoods(merchant, { price: 1_000n })
  const { email, address, customerId } = person
  const details = { email, shippingAddress: address, billingAddress: address, ...(customerId !== undefined && { customerId }) }
  const cart = await fillCart(merchant, [{ goods }], details)
  return (await buyCart(merchant, cart.id)).order
}

const cancel = (orderId: string) => merchant.inMerchant((tx) => cancelOrder(tx, { orderId, reason: '', actor, now }))
const erase = (customerId: string, force = false) =>
  merchant.inMerchant((tx) => eraseCustomer(tx, customerId, { reason: 'asked for it', force, forfeit: force, actor, now }))

/** The tables in whose rows a word is found. */
async function tablesWith(word: string): Promise<string[]> {
  const found = await merchant.inMerchant.read(
    (tx) => tx.sql<{ name: string }[]>`
      select c.relname as name from pg_class c
      where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and has_table_privilege(c.oid, 'select')
        and (xpath('//found/text()', query_to_xml(format('select count(*) as found from %I t where t::text like %L', c.relname,
          ${`%${word}%`}::text), true, false, '')))[1]::text <> '0'
      order by 1`,
  )
  return found.map(({ name }) => name)
}

describe('a person who is forgotten', () => {
  it('is in no table any more, and the order and its amounts are as they were', async () => {
    const person = await addPerson()
    const [own, asGuest] = [await order(person), await order({ email: person.email, address: person.address })]
    await merchant.inMerchant((tx) =>
      createCart(tx, { lines: [], details: { customerId: person.customerId, shippingAddress: person.address }, now }),
    )
    await expect(erase(person.customerId)).rejects.toMatchObject({
      code: 'invalid_state',
      details: { extra: { current_state: 'orders_under_way' } },
    })
    for (const { id } of [own, asGuest]) await cancel(id)
    const before = await merchant.inMerchant((tx) => holdOrder(tx, own.id))
    expect((await tablesWith(person.canary)).length).toBeGreaterThan(5)
    await erase(person.customerId)
    expect(await tablesWith(person.canary)).toEqual([])
    const after = await merchant.inMerchant((tx) => holdOrder(tx, own.id))
    expect(after.state).toEqual(before.state)
    expect(after).toMatchObject({ customerId: null, email: 'forgotten@erased.invalid' })
    await expect(erase(person.customerId)).rejects.toMatchObject({ code: 'not_found' })
    const [entry] = await merchant.inMerchant.read(
      (tx) => tx.sql`select action, reason from audit_entry where merchant_id = ${tx.merchantId} and target_id = ${person.customerId}`,
    )
    expect(entry).toEqual({ action: 'customer.erased', reason: 'asked for it' })
  })

  it('by force loses the addresses of orders under way, but not of one that is being paid', async () => {
    const person = await addPerson()
    const { id } = await order(person)
    const setStatus = (status: string) =>
      merchant.inMerchant((tx) => tx.sql`update orders set status = ${status} where merchant_id = ${tx.merchantId} and id = ${id}`)
    await setStatus('pending')
    await expect(erase(person.customerId, true)).rejects.toMatchObject({ code: 'invalid_state' })
    await setStatus('placed')
    await erase(person.customerId, true)
    expect(await tablesWith(person.canary)).toEqual([])
  })

  it('gives store credit up only when that is said', async () => {
    const { customerId } = await addPerson()
    const change = { amount: 700n, currency: 'EUR' }
    await merchant.inMerchant((tx) => changeStoreCredit(tx, { customerId, change, reason: 'sorry', actor, now }))
    await expect(erase(customerId)).rejects.toMatchObject({ details: { extra: { current_state: 'store_credit_left' } } })
    await erase(customerId, true)
    expect(await merchant.inMerchant.read((tx) => storeCreditOf(tx, customerId))).toEqual([{ amount: 0n, currency: 'EUR' }])
  })

  it('and one who orders at that moment: either the order is there and needs its address, or it finds no cart', async () => {
    for (let round = 0; round < 8; round++) {
      const person = await addPerson()
      const goods = await addGoods(merchant)
      const details = { customerId: person.customerId, shippingAddress: person.address }
      const cart = await fillCart(merchant, [{ goods }], { ...details, email: person.email })
      const counts = await outcomes([buyCart(merchant, cart.id), erase(person.customerId)])
      expect([
        { ok: 1, invalid_state: 1 },
        { ok: 1, not_found: 1 },
      ]).toContainEqual(counts)
      const kept = await merchant.inMerchant.read(
        (tx) => tx.sql`select 1 from customer where merchant_id = ${tx.merchantId} and id = ${person.customerId}`,
      )
      const ordered = await merchant.inMerchant.read(
        (tx) => tx.sql`select 1 from orders where merchant_id = ${tx.merchantId} and cart_id = ${cart.id}`,
      )
      expect(kept.length).toBe(ordered.length)
    }
  })
})

describe('all that is known of a person', () => {
  it('is one document, with what they bought as a guest, and nothing of others', async () => {
    const [person, stranger] = [await addPerson(), await addPerson()]
    await order(person)
    await order({ email: person.email, address: person.address })
    await order(stranger)
    const document = await exportCustomer(merchant.inMerchant, person.customerId, now)
    expect(document).toMatchObject({
      is_complete: true,
      customer: { email: person.email, orders_count: 1 },
      addresses: [{ address: person.address, default_shipping: true }],
      orders: [{ shipping_address: person.address, lines: [{ quantity: 1 }] }, { email: person.email }],
      mails: [{ template: 'reset_password', recipient: person.email }],
    })
    const text = JSON.stringify(document)
    expect(text).not.toContain(stranger.canary)
    expect(text).not.toMatch(/hash|merchant_id|merchantId/)
    await expect(exportCustomer(merchant.inMerchant, merchant.locationId, now)).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('orders of a guest', () => {
  it('become those of the owner of the address, once, with the figures', async () => {
    const person = await addPerson()
    const [first, second] = [
      await order({ email: person.email, address: person.address }),
      await order({ email: person.email, address: person.address }),
    ]
    const dropped = await order({ email: person.email, address: person.address })
    await cancel(dropped.id)
    const claim = () => merchant.inMerchant((tx) => claimGuestOrders(tx, person))
    const counts = await Promise.all(Array.from({ length: 8 }, claim))
    expect(counts.toSorted()).toEqual([0, 0, 0, 0, 0, 0, 0, 2])
    const customer = await merchant.inMerchant.read((tx) => getCustomer(tx, person.customerId))
    expect(customer).toMatchObject({ ordersCount: 2n, totalSpent: first.total + second.total })
    const list = (cursor?: string) =>
      merchant.inMerchant.read((tx) => listCustomerOrders(tx, shop.keys, { customerId: person.customerId, limit: 1, cursor }))
    const page = await list()
    const last = await list(page.nextCursor!)
    expect([...page.orders, ...last.orders].map(({ id }) => id)).toEqual([second.id, first.id])
    expect(last.nextCursor).toBeNull()
    const read = (orderId: string, customerId: string) => merchant.inMerchant.read((tx) => readCustomerOrder(tx, { orderId, customerId }))
    expect((await read(first.id, person.customerId)).id).toBe(first.id)
    await expect(read(first.id, (await addPerson()).customerId)).rejects.toMatchObject({ code: 'not_found' })
    await expect(read(dropped.id, person.customerId)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('keep their figures when they are claimed while one is placed and one is cancelled', async () => {
    const person = await addPerson()
    const [regretted] = [
      await order({ email: person.email, address: person.address }),
      await order({ email: person.email, address: person.address }),
    ]
    const claim = () => merchant.inMerchant((tx) => claimGuestOrders(tx, person))
    await Promise.allSettled([claim(), cancel(regretted.id), order(person), claim()])
    await claim()
    const [figures] = await merchant.inMerchant.read(
      (tx) => tx.sql`
        select c.orders_count = count(o.id) as agree from customer c left join orders o
          on o.merchant_id = c.merchant_id and o.customer_id = c.id and o.status <> 'cancelled'
        where c.merchant_id = ${tx.merchantId} and c.id = ${person.customerId} group by c.orders_count`,
    )
    expect(figures).toEqual({ agree: true })
  })
})
