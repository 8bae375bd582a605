import { onCrashPoint } from '@souk/tenant-router/crash-point.ts'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { StoredResponse } from '../idempotency/idempotency.ts'
import { installPlugin } from '../plugins/install-plugin.ts'
import { PluginRuntime } from '../plugins/plugin-runtime.ts'
import { pushRelease } from '../plugins/releases.ts'
import type { Shop } from '../quote/ask-plugins.ts'
import { fillCart } from '../testing/buying.ts'
import { addGoods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { testPluginPort } from '../testing/plugin-port.ts'
import { answerChange } from './answer-change.ts'
import type { Cart } from './cart.ts'
import { addLines } from './change-cart.ts'

let shop: TestShop

beforeAll(async () => {
  shop = await createTestShop()
})
afterEach(() => onCrashPoint(() => {}))
afterAll(() => shop.close())

const now = new Date()
const answer = (cart: Cart): StoredResponse => ({
  statusCode: 200,
  body: JSON.stringify({ id: cart.id, quantity: Number(cart.lines[0]?.quantity ?? 0), total: Number(cart.priced.totals.total) }),
})

async function addingOne(withPlugin: boolean) {
  const merchant = await shop.addMerchant()
  const port = testPluginPort()
  const plugins = new PluginRuntime({ port, isBlocked: () => false, onError: () => {} })
  if (withPlugin) await install(merchant, port)
  const goods = await addGoods(merchant, { price: 1_000n })
  const cart = await fillCart(merchant, [])
  const line = { variantId: goods.variantId, quantity: 1n }
  const add = (key: string | undefined, seller: Shop = { ...merchant, plugins }) =>
    answerChange(seller, {
      idempotency: key === undefined ? undefined : { route: 'POST lines', key, fingerprint: 'same' },
      now,
      change: (tx) => addLines(tx, cart.id, { lines: [line], now }),
      answer,
    })
  return { add, port, merchant }
}

async function install({ inMerchant }: TestMerchant, port: ReturnType<typeof testPluginPort>) {
  const by = { actor: { kind: 'staff', id: '00000000-0000-7000-8000-000000000001' } as const, now }
  port.behaviours.set('code', () => ({ output: [{ target: 'order', amount: 200, reason: 'Because', code: null }] }))
  await pushRelease(inMerchant, port, { manifest: { name: 'tiers', version: '1.0.0', contracts: { discount: '^1' } }, bundle: 'code' }, by)
  await installPlugin(inMerchant, port, { plugin: 'tiers', versionRange: '^1', configuration: {}, providers: [{ point: 'discount' }] }, by)
}

const told = ({ body }: StoredResponse) => JSON.parse(body) as { quantity: number; total: number }

describe('a change of a cart', () => {
  it.each([
    ['without plugins', false, 1_490],
    ['with one', true, 1_290],
  ])('is answered with its price, %s, and replayed to the byte', async (_name, withPlugin, total) => {
    const { add } = await addingOne(withPlugin)
    const first = await add('a key')
    expect([told(first), first.replayed]).toMatchObject([{ quantity: 1, total }, false])
    expect(await add('a key')).toEqual({ ...first, replayed: true })
    expect(told(await add(undefined))).toMatchObject({ quantity: 2 })
  })

  it.each(['cart.changed', 'cart.priced'] as const)(
    'that died at %s is not made again, and answered as the cart is then',
    async (point) => {
      const { add } = await addingOne(true)
      onCrashPoint((passed) => {
        if (passed === point) throw new Error(`failed at ${point}`)
      })
      await expect(add('a key')).rejects.toThrow(`failed at ${point}`)
      onCrashPoint(() => {})
      await add(undefined)
      const replayed = await add('a key')
      expect([told(replayed), replayed.replayed, replayed.statusCode]).toEqual([
        expect.objectContaining({ quantity: 2, total: 2_290 }),
        true,
        200,
      ])
      expect(await add('a key')).toEqual(replayed)
    },
  )

  it('is made once by twenty requests with one key', async () => {
    const { add } = await addingOne(true)
    const answers = await Promise.allSettled(Array.from({ length: 20 }, () => add('a key')))
    for (const one of answers) {
      if (one.status === 'fulfilled') expect(told(one.value).quantity).toBe(1)
      else expect(one.reason).toMatchObject({ code: 'idempotency_in_progress' })
    }
    expect(told(await add('a key')).quantity).toBe(1)
  })

  it('asks no plugin of another merchant', async () => {
    const { add } = await addingOne(true)
    const other = await addingOne(false)
    await other.add('a key')
    expect(other.port.calls).toEqual([])
    await add('a key')
  })
})
