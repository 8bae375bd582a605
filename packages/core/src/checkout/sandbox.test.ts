import { afterAll, beforeAll, expect, it } from 'vitest'
import { askCarrier } from '../fulfillment/ask-carrier.ts'
import { queueMail } from '../mail/queue-mail.ts'
import { type MailDeps, sendMail } from '../mail/send-mail.ts'
import { callProvider, type PaymentDeps } from '../payments/call-provider.ts'
import { SecretBox } from '../secret-box.ts'
import { createTestMerchant, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { requireUrl } from '../webhooks/change-endpoints.ts'

const NOW = new Date('2026-03-01T10:00:00Z')
const ACCOUNT = { id: 'account', provider: 'real', enabled: true, apiBase: null, settings: {}, capture: 'now' as const, sealed: {} }

let shop: TestMerchant & Omit<TestShop, 'addMerchant'>
beforeAll(async () => {
  shop = await createTestMerchant()
})
afterAll(() => shop.close())

/** The door of the merchant, as it is when the directory says that it is a sandbox. */
const sandboxed = () => shop.router.inMerchant({ ...shop.merchant, sandbox: true })

it('a sandbox keeps its mails to itself', async () => {
  const mail = { template: 'order_placed', to: 'ada@buyer.example', locale: null, data: { trial: 'yes' }, now: NOW } as const
  for (const key of ['first', 'second']) await shop.inMerchant((tx) => queueMail(tx, { ...mail, key }))
  const queued = await shop.inMerchant.read((tx) => tx.sql<{ id: string }[]>`select id from mail_message order by id`)
  const sent: string[] = []
  const deps = {
    transport: { deliver: async ({ to }: { to: string }) => void sent.push(to) },
    storefrontUrl: (slug: string) => `https://${slug}.example`,
    now: () => NOW,
  } as unknown as MailDeps
  expect(await sendMail(sandboxed(), deps, { mailId: queued[0]!.id })).toBe('dropped')
  expect(sent).toEqual([])
  expect(await sendMail(shop.inMerchant, deps, { mailId: queued[1]!.id })).toBe('sent')
  expect(sent).toEqual(['ada@buyer.example'])
})

it('a sandbox asks no provider that moves money, and none that it has no account with', async () => {
  const asked: string[] = []
  const box = new SecretBox(shop.keys, 'test')
  const provider = (name: string, more: object) => [name, { name, ...more }] as const
  const deps = {
    providers: new Map([provider('real', {}), provider('play', { movesNoMoney: true })]),
    secretBox: box,
    breakers: { of: () => ({ allows: () => true, record: () => {} }) },
  } as unknown as PaymentDeps
  const ask = (sandbox: boolean, account: typeof ACCOUNT | undefined) =>
    callProvider(deps, { id: shop.merchant.id, sandbox }, account, AbortSignal.timeout(60_000), async ({ name }) => {
      asked.push(name)
      return { kind: 'absent' }
    })
  expect(await ask(true, ACCOUNT)).toMatchObject({ kind: 'unknown', detail: 'not asked: a sandbox moves no money' })
  expect(await ask(true, undefined)).toMatchObject({ kind: 'unknown' })
  expect(asked).toEqual([])
  expect(await ask(true, { ...ACCOUNT, provider: 'play' })).toEqual({ kind: 'absent' })
  expect(await ask(false, ACCOUNT)).toEqual({ kind: 'absent' })
  expect(asked).toEqual(['play', 'real'])
})

it('a sandbox has no receivers of webhooks, and asks no carrier', async () => {
  const deps = { box: new SecretBox(shop.keys, 'test'), urlFault: async () => undefined }
  await expect(requireUrl(deps, { sandbox: true }, 'https://receiver.example/')).rejects.toMatchObject({ code: 'invalid_state' })
  expect(await requireUrl(deps, { sandbox: false }, 'https://receiver.example/')).toBe('https://receiver.example/')
  await expect(askCarrier(sandboxed(), {} as never, {} as never, 'createShipment', 'parseShipment')).rejects.toThrow('it asks no carrier')
})
