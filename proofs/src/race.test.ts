import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectStatus } from './client.ts'
import { checkOut, openCart, publishOffer, stockShop } from './goods.ts'
import { House, type Shop } from './house.ts'

let house: House
let shop: Shop
let variants: Map<string, string>

beforeAll(async () => {
  house = await House.open()
  await house.startApi()
  house.startWorker()
  shop = await house.addShop({ slug: 'rush' })
  variants = await stockShop(house, shop, [
    { handle: 'last-fifty', price: '10.00', stock: 50 },
    { handle: 'left', price: '1.00', stock: 1_000 },
    { handle: 'right', price: '2.00', stock: 1_000 },
  ])
})

afterAll(async () => {
  expect(await house.invariants()).toEqual([])
  await house.close()
})

function line(handle: string, quantity = 1) {
  return { variant_id: variants.get(handle)!, quantity }
}

it('sells fifty units to exactly fifty of two hundred buyers, and says no clearly to the others', async () => {
  const carts = await Promise.all(Array.from({ length: 200 }, () => openCart(shop, [line('last-fifty')])))
  const answers = await Promise.all(carts.map((cart, buyer) => checkOut(shop, cart, `rush-${buyer}`)))
  const placed = answers.filter((answer) => answer.status === 201)
  const refused = answers.filter((answer) => answer.status === 409)
  expect([placed.length, refused.length]).toEqual([50, 150])
  for (const answer of refused) {
    expect(answer.headers['content-type']).toContain('application/problem+json')
    expect(answer.body.type).toMatch(/\/insufficient-stock$/)
  }
  expect(new Set(placed.map((answer) => answer.body.number)).size).toBe(50)
  const product = await shop.buyer.get('/v1/products/last-fifty')
  expect(product.body.variants).toMatchObject([{ available: false, available_quantity: 0 }])
})

it('serves carts with crossed goods, none of them with an error', async () => {
  const crossed = Array.from({ length: 100 }, (_, buyer) => (buyer % 2 ? [line('left'), line('right')] : [line('right'), line('left')]))
  const carts = await Promise.all(crossed.map((lines) => openCart(shop, lines)))
  const answers = await Promise.all(carts.map((cart, buyer) => checkOut(shop, cart, `crossed-${buyer}`)))
  expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([201]))
})

it('makes one order of one key fired a hundred times at once', async () => {
  const cart = await openCart(shop, [line('left')])
  const answers = await Promise.all(Array.from({ length: 100 }, () => checkOut(shop, cart, 'one-key')))
  const placed = answers.filter((answer) => answer.status === 201)
  expect(new Set(placed.map((answer) => answer.text)).size).toBe(1)
  expect(placed.filter((answer) => answer.headers['idempotent-replayed'] !== 'true')).toHaveLength(1)
  for (const answer of answers) {
    if (answer.status === 201) continue
    expect([answer.status, answer.body.type]).toEqual([409, expect.stringMatching(/\/idempotency-in-progress$/)])
    expect(answer.headers['retry-after']).toBeDefined()
  }
  const again = await checkOut(shop, cart, 'one-key')
  expect([again.status, again.text, again.headers['idempotent-replayed']]).toEqual([201, placed[0]!.text, 'true'])
})

it('gives the last three uses of an offer to three of two hundred buyers, and tells the others that the price has changed', async () => {
  const hurried = await house.addShop({ slug: 'offers' })
  const goods = await stockShop(house, hurried, [{ handle: 'lamp', price: '10.00', stock: 1_000 }])
  await publishOffer(hurried, 3)
  const lines = [{ variant_id: goods.get('lamp')!, quantity: 1 }]
  const carts = await Promise.all(Array.from({ length: 200 }, () => openCart(hurried, lines)))
  expect(new Set(carts.map((cart) => cart.totals.total.amount))).toEqual(new Set([1_390]))
  const answers = await Promise.all(carts.map((cart, buyer) => checkOut(hurried, cart, `offer-${buyer}`)))
  const refused = answers.filter((answer) => answer.status !== 201)
  expect(refused).toHaveLength(197)
  for (const answer of refused) expect(answer.body.type).toMatch(/\/(promotion-used-up|total-changed)$/)
  // Whoever accepts the price as it is now gets the goods.
  const again = expectStatus(await openCart(hurried, lines).then((cart) => checkOut(hurried, cart, 'at-full-price')), 201)
  expect(again).toMatchObject({ totals: { total: { amount: 1_490 } } })
})
