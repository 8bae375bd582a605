import { afterAll, beforeAll, expect, it } from 'vitest'
import { checkOut, openCart, stockShop } from './goods.ts'
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
