import type { Tx } from '@souk/tenant-router/tx.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fillCart } from '../testing/buying.ts'
import { addGoods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { reserveInTurn } from './reserve-in-turn.ts'
import { tryAtOnce } from './take-at-once.ts'

let shop: TestShop
let merchant: TestMerchant

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 6, waitMs: 30_000 })
  merchant = await shop.addMerchant()
})
afterAll(() => shop.close())

const now = new Date()
const actor = { kind: 'job', task: 'test' } as const

/** A cart with goods that are all allocated by then, and one given back by a transaction that stays open until the buyer waits for it. */
async function whileOneIsGivenBack(buy: (cartId: string, variantId: string) => Promise<unknown>): Promise<void> {
  const goods = await addGoods(merchant, { onHand: 3n })
  const cart = await fillCart(merchant, [{ goods }])
  const allocate = (tx: Tx, change: number) =>
    tx.sql`update stock_level set allocated = allocated + ${change} where merchant_id = ${tx.merchantId} and variant_id = ${goods.variantId}`
  await merchant.inMerchant((tx) => allocate(tx, 3))
  let buying: Promise<unknown> = Promise.resolve()
  await merchant.inMerchant(async (tx) => {
    // It is held for as long as the buyer takes to come.
    await tx.sql`select set_config('transaction_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true)`
    await allocate(tx, -1)
    buying = buy(cart.id, goods.variantId)
    buying.catch(() => {})
    await expect.poll(waiters).toBeGreaterThan(0)
  })
  await buying
}

async function waiters(): Promise<number> {
  const rows = await merchant.inMerchant.read(
    (tx) => tx.sql`
      select 1 from pg_locks where not granted and locktype in ('transactionid', 'tuple')
        and pid in (select pid from pg_stat_activity where datname = current_database())`,
  )
  return rows.length
}

describe('a unit that is given back while somebody waits for it', () => {
  it('is reserved for them', () =>
    whileOneIsGivenBack((cartId, variantId) =>
      merchant.inMerchant(async (tx) => {
        const lines = [{ variantId, quantity: 1n }]
        const taken = await tryAtOnce(
          tx,
          { holder: { cartId, orderId: null }, lines },
          { as: 'reserved', minutes: 10, others: 'kept', actor, now },
        )
        expect(taken).toEqual({ simple: true, enough: [variantId] })
      }),
    ))

  it('is reserved for them, in line', () =>
    whileOneIsGivenBack((cartId, variantId) =>
      reserveInTurn(merchant.inMerchant, { cartId, variantId, quantity: 1n, minutes: 10, actor, now }),
    ))
})
