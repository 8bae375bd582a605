import { randomUUID } from 'node:crypto'
import { appendFile, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Journal } from './journal.ts'
import { JOURNAL_FILE } from './psp.ts'
import { SandboxPsp } from './start-sandbox-psp.ts'
import { Receiver, Shop } from './testing/shop.ts'

let psp: SandboxPsp
let shop: Shop

beforeEach(async () => {
  psp = await SandboxPsp.start()
  shop = await Shop.open(psp)
})

afterEach(async () => {
  await shop.close()
  await psp.close()
})

test('what was answered before a kill is there after it, and its keys still answer', async () => {
  const charged = await shop.paid({ save_method: true, customer: 'ada' })
  const later = await shop.paid({ capture: 'later' })
  const key = randomUUID()
  const captured = await shop.operate(later.id, 'captures', { amount: 400, currency: 'EUR' }, key)
  const journal = await psp.control.journal()
  await psp.kill()
  expect(await psp.readJournal()).toEqual(journal)
  await psp.restart()
  expect(await psp.control.journal()).toEqual(journal)
  expect((await shop.authorize({ payment_id: charged.payment_id, save_method: true, customer: 'ada' })).body).toEqual(charged)
  expect((await shop.operate(later.id, 'captures', { amount: 400, currency: 'EUR' }, key)).body).toEqual(captured.body)
  expect(await shop.paid({ token: null, saved_method: charged.saved_method, customer: 'ada' })).toMatchObject({ status: 'captured' })
  expect(await shop.journal(later.payment_id)).toMatchObject({ captured: 400 })
})

test('killed at any moment of many charges, it has each of them whole or not at all, and each that it answered', async () => {
  const paymentIds = Array.from({ length: 300 }, () => randomUUID())
  const answers = Promise.all(paymentIds.map((paymentId) => shop.authorize({ payment_id: paymentId }).catch(() => undefined)))
  await expect.poll(async () => (await stat(join(psp.folder, JOURNAL_FILE))).size, { interval: 1 }).toBeGreaterThan(20_000)
  await psp.kill()
  const answered = await answers
  const known = new Map((await psp.readJournal()).map((payment) => [payment.payment_id, payment]))
  for (const [index, answer] of answered.entries()) if (answer?.status === 201) expect(known.has(paymentIds[index]!)).toBe(true)
  await psp.restart()
  for (const paymentId of paymentIds) expect((await shop.authorize({ payment_id: paymentId })).status).toBe(201)
  const journal = await psp.control.journal({ account: shop.id })
  expect(journal).toHaveLength(paymentIds.length)
  expect(journal.every(({ net, operations }) => net === 1000 && operations.length === 1)).toBe(true)
})

test('a payment in process, a script and a callback outlive a kill', async () => {
  const receiver = await Receiver.start()
  await psp.control.changeAccount(shop.id, { callback_url: receiver.url, callbacks: { delayMs: { min: 60_000, max: 60_000 } } })
  const late = await shop.paid({ token: 'tok_processing' })
  await psp.control.addScript({ fault: { kind: 'decline', code: 'fraud' }, times: 2 })
  expect((await shop.authorize()).status).toBe(402)
  expect((await psp.control.callbacks(shop.id)).map(({ outcome }) => outcome)).toContain(null)
  await psp.kill()
  await psp.restart()
  expect((await shop.authorize()).status).toBe(402)
  expect((await shop.authorize()).status).toBe(201)
  await expect.poll(() => shop.journal(late.payment_id)).toMatchObject({ net: 1000 })
  await psp.control.releaseCallbacks()
  expect(receiver.types).toContain('payment.declined')
  await receiver.close()
})

test('a line that was cut short is taken away; a damaged one keeps it from starting', async () => {
  const { payment_id: paymentId } = await shop.paid()
  const file = join(psp.folder, JOURNAL_FILE)
  await psp.kill()
  const whole = await readFile(file, 'utf8')
  await appendFile(file, '{"seq":99,"at":"2')
  await psp.restart()
  expect(await shop.journal(paymentId)).toMatchObject({ net: 1000 })
  await psp.kill()
  expect(await readFile(file, 'utf8')).toBe(whole)
  await writeFile(file, whole.replace('"seq":2', '"seq":3'))
  await expect(psp.restart()).rejects.toThrow('damaged in line 2')
})

test('a disk that refuses is an end, not an answer', async () => {
  const failures: Error[] = []
  const { journal } = await Journal.open(join(psp.folder, 'other.jsonl'), (error) => failures.push(error))
  await journal.close()
  journal.append([{ any: 'thing' }], new Date(0))
  await expect(journal.flushed()).rejects.toThrow()
  expect(failures).toHaveLength(1)
})
