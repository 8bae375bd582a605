import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { draw, type NewScript } from './scripts.ts'
import { SandboxPsp } from './start-sandbox-psp.ts'
import { Shop } from './testing/shop.ts'

let psp: SandboxPsp
let shop: Shop

beforeAll(async () => {
  psp = await SandboxPsp.start()
  shop = await Shop.open(psp)
})

afterAll(async () => {
  await shop.close()
  await psp.close()
})

beforeEach(async () => {
  await psp.control.clearScripts()
})

const next = (fault: NewScript['fault'], more: Partial<NewScript> = {}) => psp.control.addScript({ times: 1, fault, ...more })

test('it charges and drops the answer; the key then tells', async () => {
  await next({ kind: 'drop', when: 'after' })
  const paymentId = randomUUID()
  await expect(shop.authorize({ payment_id: paymentId })).rejects.toThrow()
  expect(await shop.journal(paymentId)).toMatchObject({ net: 1000 })
  expect(await shop.authorize({ payment_id: paymentId })).toMatchObject({ status: 201, headers: { 'idempotent-replayed': 'true' } })
  expect(await shop.journal(paymentId)).toMatchObject({ net: 1000 })
})

test('it drops the request before it charges', async () => {
  await next({ kind: 'drop', when: 'before' })
  const paymentId = randomUUID()
  await expect(shop.authorize({ payment_id: paymentId })).rejects.toThrow()
  expect(await shop.journal(paymentId)).toBeUndefined()
  expect((await shop.call('GET', `/v1/operations/${paymentId}`)).status).toBe(404)
})

test.each([
  ['before', undefined],
  ['after', 1000],
] as const)('it answers 503 %s it has charged', async (when, net) => {
  await next({ kind: 'error', status: 503, when })
  const paymentId = randomUUID()
  expect((await shop.authorize({ payment_id: paymentId })).status).toBe(503)
  expect((await shop.journal(paymentId))?.net).toBe(net)
})

test('it is slow before it charges, and charges although nobody waits any more', async () => {
  const script = await next({ kind: 'slow', ms: 300, when: 'before' })
  const paymentId = randomUUID()
  const gone = shop.authorize({ payment_id: paymentId })
  gone.catch(() => {})
  await expect.poll(async () => (await psp.control.scripts()).find(({ id }) => id === script.id)?.ran).toBe(1)
  expect(await shop.journal(paymentId)).toBeUndefined()
  await shop.close()
  await expect(gone).rejects.toThrow()
  shop = await reopened()
  await expect.poll(() => psp.control.journal({ paymentId })).toMatchObject([{ net: 1000 }])
})

test('it answers with nonsense once it has charged', async () => {
  await next({ kind: 'garbage' })
  const paymentId = randomUUID()
  await expect(shop.authorize({ payment_id: paymentId })).rejects.toThrow('JSON')
  expect(await shop.journal(paymentId)).toMatchObject({ net: 1000 })
})

test('it answers twice over one connection, and charges once', async () => {
  await next({ kind: 'answer_twice' })
  const opened = await psp.control.openAccount({ name: 'Raw' })
  const paymentId = randomUUID()
  const body = JSON.stringify({ payment_id: paymentId, amount: 5, currency: 'EUR', token: 'tok_ok' })
  const head = `POST /v1/payments HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${opened.api_key}\r\nidempotency-key: ${paymentId}`
  const socket = connect(psp.port, '127.0.0.1')
  let said = ''
  socket.on('data', (chunk) => {
    said += chunk
  })
  socket.write(`${head}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  await expect.poll(() => said.split('HTTP/1.1 201').length - 1).toBe(2)
  socket.destroy()
  expect(await psp.control.journal({ paymentId })).toMatchObject([{ net: 5, operations: [{ kind: 'capture' }] }])
})

test('it lies about amount and currency wherever it is asked, and not in its journal', async () => {
  await next({ kind: 'lie', amount: 7, currency: 'USD' })
  const payment = await shop.paid()
  const lie = { amount: 7, authorized: 7, captured: 7, currency: 'USD' }
  expect(payment).toMatchObject(lie)
  expect((await shop.call('GET', `/v1/payments/${payment.id}`)).body).toMatchObject(lie)
  expect(await shop.journal(payment.payment_id)).toMatchObject({ captured: 1000, currency: 'EUR' })
})

test('it lies about a capture and about what a lookup finds', async () => {
  const payment = await shop.paid({ capture: 'later' })
  await next({ kind: 'lie', amount: 1 }, { on: ['capture'] })
  expect((await shop.operate(payment.id, 'captures', { amount: 1000, currency: 'EUR' })).body).toMatchObject({ amount: 1, currency: 'EUR' })
  const other = await shop.paid()
  await next({ kind: 'lie', amount: 2 }, { on: ['lookup'] })
  expect((await shop.call('GET', `/v1/payments/${other.id}`)).body).toMatchObject({ captured: 2 })
})

test('it declines, asks for the buyer, or settles late whatever the card', async () => {
  await next({ kind: 'decline', code: 'fraud' })
  expect((await shop.authorize()).body.error.code).toBe('fraud')
  await next({ kind: 'require_action' })
  expect(await shop.paid()).toMatchObject({ status: 'requires_action' })
  await next({ kind: 'settle_late', ms: 60_000, decline: 'card_declined' })
  const late = await shop.paid()
  expect(late.status).toBe('processing')
  expect((await shop.operate(late.id, 'void')).body.error.code).toBe('in_process')
  expect(await psp.control.settle(late.payment_id)).toMatchObject({ status: 'declined' })
})

describe('a script', () => {
  test('runs for its account and its calls alone, as often as it says', async () => {
    const other = await Shop.open(psp)
    await next({ kind: 'error' }, { account: other.id, times: 2, on: ['authorize', 'refund'] })
    expect((await shop.authorize()).status).toBe(201)
    const statuses = []
    for (let call = 0; call < 3; call++) statuses.push((await other.authorize()).status)
    expect(statuses).toEqual([500, 500, 201])
    await other.close()
  })

  test('runs for the same part of the calls whenever its seed is the same', async () => {
    const expected = Array.from({ length: 40 }, (_, index) => (draw(99, index) < 0.3 ? 402 : 201))
    expect(new Set(expected)).toEqual(new Set([201, 402]))
    for (let run = 0; run < 2; run++) {
      await psp.control.clearScripts()
      await next({ kind: 'decline', code: 'fraud' }, { times: null, fraction: 0.3, seed: 99 })
      const statuses = []
      for (let call = 0; call < expected.length; call++) statuses.push((await shop.authorize()).status)
      expect(statuses).toEqual(expected)
    }
  })
})

test('draws are spread evenly', () => {
  for (const seed of [0, 1, 2, 0xffff_ffff]) {
    const draws = Array.from({ length: 10_000 }, (_, index) => draw(seed, index))
    for (const below of [0.1, 0.5, 0.9]) expect(draws.filter((one) => one < below).length / 10_000).toBeCloseTo(below, 1)
  }
})

test('the control calls want their token, and a merchant`s key is none', async () => {
  const headers = { authorization: `Bearer ${(await psp.control.openAccount({ name: 'Key' })).api_key}` }
  expect((await fetch(`${psp.url}/control/journal`)).status).toBe(401)
  expect((await fetch(`${psp.url}/control/journal`, { headers })).status).toBe(401)
  expect((await fetch(`${psp.url}/v1/payments/pay_1`, { headers: { authorization: `Bearer ${psp.controlToken}` } })).status).toBe(401)
})

async function reopened(): Promise<Shop> {
  return Shop.open(psp)
}
