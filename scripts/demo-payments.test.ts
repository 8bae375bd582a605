import { SandboxPsp } from '@souk/sandbox-psp/start-sandbox-psp.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { controlTokenOf, openAtProvider, takePayments } from './demo-payments.ts'
import type { Staff } from './set-up-shop.ts'

const SECRET = 'ab'.repeat(32)

let psp: SandboxPsp

beforeAll(async () => {
  psp = await SandboxPsp.start({ controlToken: controlTokenOf(SECRET) })
})

afterAll(() => psp.close())

test('a shop`s account is opened once, with the keys that the shop is given, and called where the shop is now', async () => {
  const given: Record<string, string>[] = []
  const staff = shop([], (body) => given.push((body as { secrets: Record<string, string> }).secrets))
  const payments = { url: psp.url, secret: SECRET }
  for (const port of [4000, 4001]) await openAtProvider(payments, { slug: 'kaffa', name: 'Kaffa', url: `http://kaffa.localhost:${port}` })
  expect(await takePayments(staff, payments, 'kaffa')).toBe(true)
  const answer = await fetch(`${psp.url}/v1/account/callback`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${given[0]!.api_key}`, 'content-type': 'application/json' },
    body: '{"url":null}',
  })
  expect(await answer.json()).toMatchObject({ id: 'demo_kaffa', name: 'Kaffa', callback_secret: given[0]!.callback_secret })
})

test('callbacks go to the address the shop has now', async () => {
  await openAtProvider({ url: psp.url, secret: SECRET }, { slug: 'hibiki', name: 'Hibiki', url: 'http://hibiki.localhost:4002' })
  const keys: Record<string, string>[] = []
  await takePayments(
    shop([], (body) => keys.push((body as { secrets: Record<string, string> }).secrets)),
    { url: psp.url, secret: SECRET },
    'hibiki',
  )
  const account = await fetch(`${psp.url}/v1/account`, { headers: { authorization: `Bearer ${keys[0]!.api_key}` } })
  expect(await account.json()).toMatchObject({ callback_url: 'http://hibiki.localhost:4002/v1/callbacks/payments/sandbox' })
})

test('an account that the shop has already, even shut, is left alone', async () => {
  const staff = shop([{ provider: 'sandbox', enabled: false }], () => {
    throw new Error('changed')
  })
  expect(await takePayments(staff, { url: psp.url, secret: SECRET }, 'kaffa')).toBe(false)
})

function shop(accounts: object[], onWrite: (body: object) => void): Staff {
  return {
    read: async () => ({ data: accounts }),
    list: async () => [],
    write: async (_method, _path, json) => {
      onWrite(json)
      return { id: 'account' }
    },
  }
}
