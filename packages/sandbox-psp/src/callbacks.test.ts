import { Webhook } from 'standardwebhooks'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { signature } from './callback-sender.ts'
import { SandboxPsp } from './start-sandbox-psp.ts'
import { Receiver, Shop } from './testing/shop.ts'

let psp: SandboxPsp
let shop: Shop
let receiver: Receiver

beforeAll(async () => {
  psp = await SandboxPsp.start()
})

afterAll(() => psp.close())

beforeEach(async () => {
  receiver = await Receiver.start()
  shop = await Shop.open(psp, receiver.url)
})

afterEach(async () => {
  await shop.close()
  await receiver.close()
})

test('tells of every step, signed as others verify it', async () => {
  const payment = await shop.paid({ capture: 'later' })
  await shop.operate(payment.id, 'captures', { amount: 1000, currency: 'EUR' }, 'capture-1')
  await shop.operate(payment.id, 'refunds', { amount: 1, currency: 'EUR' })
  await psp.control.closeDispute((await psp.control.openDispute(payment.id)).id, 'lost')
  const told = ['payment.authorized', 'payment.captured', 'payment.refunded', 'dispute.opened', 'dispute.closed']
  await expect.poll(() => [...receiver.types].sort()).toEqual([...told].sort())
  for (const { headers, body } of receiver.received) {
    const event = new Webhook(shop.secret).verify(body, headers) as { id: string; data: { payment: { payment_id: string } } }
    expect([event.id, event.data.payment.payment_id]).toEqual([headers['webhook-id'], payment.payment_id])
  }
  const captured = receiver.received.find(({ body }) => body.includes('"payment.captured"'))!
  expect(JSON.parse(captured.body).data.operation_id).toBe('capture-1')
})

test('signs the vector of Standard Webhooks', () => {
  const body = '{"test": 2432232314}'
  const signed = signature(
    { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', body },
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    new Date(1_614_265_330_000),
  )
  expect(signed['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
})

test('is sent again until it is taken, the same each time', async () => {
  receiver.statuses.push(500, 302, 429)
  await shop.authorize({ token: 'tok_fraud' })
  await expect.poll(() => receiver.received.length).toBe(4)
  expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1)
  expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  await expect.poll(() => psp.control.callbacks(shop.id)).toMatchObject([{ type: 'payment.declined', outcome: 'delivered' }])
})

test('comes in several copies when told to', async () => {
  await psp.control.changeAccount(shop.id, { callbacks: { copies: 3, delayMs: { min: 0, max: 20 } } })
  await shop.authorize({ token: 'tok_fraud' })
  await expect.poll(() => receiver.types).toEqual(['payment.declined', 'payment.declined', 'payment.declined'])
})

test('is held, and released the wrong way round and twice', async () => {
  await psp.control.changeAccount(shop.id, { callbacks: { hold: true } })
  const payment = await shop.paid({ capture: 'later' })
  await shop.operate(payment.id, 'captures', { amount: 1000, currency: 'EUR' })
  expect(await psp.control.releaseCallbacks({ account: shop.id, order: 'reversed', copies: 2 })).toEqual({ sent: 4, taken: 4 })
  expect(receiver.types).toEqual(['payment.captured', 'payment.authorized', 'payment.captured', 'payment.authorized'])
  expect(await psp.control.releaseCallbacks({ account: shop.id })).toEqual({ sent: 0, taken: 0 })
})

test('is lost when told to, the same ones for the same seed', async () => {
  await psp.control.changeAccount(shop.id, { callbacks: { lose: 0.5, seed: 5 } })
  for (let index = 0; index < 20; index++) await shop.authorize({ token: 'tok_fraud' })
  await expect.poll(async () => (await psp.control.callbacks(shop.id)).every(({ outcome }) => outcome !== null)).toBe(true)
  const outcomes = (await psp.control.callbacks(shop.id)).map(({ outcome }) => outcome)
  expect(outcomes.filter((outcome) => outcome === 'delivered')).toHaveLength(receiver.received.length)
  expect(new Set(outcomes)).toEqual(new Set(['delivered', 'lost']))
})

test('reaches a shop whose name lies under localhost', async () => {
  await psp.control.changeAccount(shop.id, { callback_url: receiver.url.replace('127.0.0.1', 'some-shop.localhost') })
  await shop.authorize({ token: 'tok_fraud' })
  await expect.poll(() => receiver.received[0]?.headers.host).toMatch(/^some-shop\.localhost:/)
})

test('is not made for an account without an address', async () => {
  expect((await shop.call('PUT', '/v1/account/callback', { url: null })).body).toMatchObject({ callback_secret: shop.secret })
  await shop.paid()
  expect(await psp.control.callbacks(shop.id)).toEqual([])
})
