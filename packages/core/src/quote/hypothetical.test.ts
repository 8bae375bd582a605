import { afterAll, beforeAll, expect, it } from 'vitest'
import { createCustomer } from '../customers/change-customers.ts'
import { createGroup, joinGroup } from '../customers/groups.ts'
import { addGoods, type Goods } from '../testing/goods.ts'
import { createTestMerchant } from '../testing/merchant.ts'
import { addCoupon, addPromotion } from '../testing/promotions.ts'
import { type Hypothesis, quoteHypothesis } from './hypothetical.ts'

let merchant: Awaited<ReturnType<typeof createTestMerchant>>
let goods: Goods
let customerId: string

const by = { actor: { kind: 'job', task: 'test' } as const, now: new Date() }

beforeAll(async () => {
  merchant = await createTestMerchant()
  goods = await addGoods(merchant, { price: 1_000n, published: false })
  const customer = await merchant.inMerchant((tx) => createCustomer(tx, { email: 'ada@buyer.example' }, by))
  const group = await merchant.inMerchant((tx) => createGroup(tx, { name: 'Friends' }, by))
  await merchant.inMerchant((tx) => joinGroup(tx, { groupId: group.id, customerId: customer.id }, by))
  customerId = customer.id
  await addPromotion(merchant, {
    name: 'Friends',
    conditions: { all: [{ fact: 'customer.groups', operator: 'contains', value: 'friends' }] },
  })
  const { id } = await addPromotion(merchant, { name: 'Code', trigger: 'coupon' })
  await addCoupon(merchant, { promotionId: id, code: 'WELCOME' })
})
afterAll(() => merchant.close())

const ask = (given: Partial<Hypothesis> = {}) =>
  quoteHypothesis(merchant, {
    lines: [
      { variantId: goods.variantId, quantity: 1n },
      { variantId: goods.variantId, quantity: 2n },
    ],
    customerId: null,
    email: null,
    channel: 'web',
    shippingAddress: null,
    billingAddress: null,
    shippingMethod: null,
    couponCodes: [],
    vatId: null,
    at: by.now,
    ...given,
  })

it('prices for a guest, for a customer and with codes, and says of every promotion why', async () => {
  const outcomes = async (given: Partial<Hypothesis>) =>
    Object.fromEntries((await ask(given)).priced.promotions.map(({ name, outcome }) => [name, outcome]))
  expect(await outcomes({})).toEqual({ Friends: 'conditions_failed', Code: 'coupon_missing' })
  expect(await outcomes({ customerId })).toEqual({ Friends: 'applied', Code: 'coupon_missing' })
  expect(await outcomes({ customerId, couponCodes: ['wel-come', ' welcome '] })).toEqual({ Friends: 'applied', Code: 'applied' })
  expect((await ask({})).priced.lines.map(({ quantity, total }) => [quantity, total])).toEqual([
    [1n, 1_000n],
    [2n, 2_000n],
  ])
})

it('saves nothing', async () => {
  await ask({ customerId, couponCodes: ['welcome'] })
  const [row] = await merchant.inMerchant.read(
    (tx) => tx.sql`
    select (select count(*) from cart where merchant_id = ${tx.merchantId}) as carts,
      (select count(*) from usage_counter where merchant_id = ${tx.merchantId}) as counters`,
  )
  expect(row).toEqual({ carts: 0n, counters: 0n })
})
