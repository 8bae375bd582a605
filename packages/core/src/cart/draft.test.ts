import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ADDRESS } from '../testing/buying.ts'
import { addGoods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { loadCart } from './cart.ts'
import { addLines, updateCart } from './change-cart.ts'
import { clearAbandonedCarts } from './clear-abandoned-carts.ts'
import { assertDraft, changeDraft, createDraft, type DraftContent, discardDraft, listDrafts } from './draft.ts'

let shop: TestShop
let merchant: TestMerchant

beforeAll(async () => {
  shop = await createTestShop()
  merchant = await shop.addMerchant()
})
afterAll(() => shop.close())

const by = { actor: { kind: 'staff', id: '00000000-0000-7000-8000-000000000001' } as const, now: new Date() }
const keys = { keys: [{ kid: 'a', secret: Buffer.alloc(32, 1) }] }

async function drafted(content: Partial<DraftContent> = {}, at: TestMerchant = merchant) {
  const goods = await addGoods(at, { price: 1_000n })
  const lines = [{ variantId: goods.variantId, quantity: 2n }]
  const details = { email: 'ada@buyer.example', shippingAddress: ADDRESS }
  const draft = await at.inMerchant((tx) => createDraft(tx, { lines, details, discount: null, ...content }, by))
  return { draft, goods }
}

describe('a draft', () => {
  it('takes off what staff say, and shows it as theirs', async () => {
    const { draft } = await drafted({ discount: { amount: 250n, reason: 'for waiting' } })
    expect(draft).toMatchObject({ channel: 'draft', draftedBy: by.actor, priced: { totals: { subtotal: 2_000n, discount: 250n } } })
    expect(draft.priced.adjustments).toContainEqual(expect.objectContaining({ source: 'manual', reason: 'for waiting', amount: -250n }))
  })

  it('is changed by staff, in part', async () => {
    const { draft, goods } = await drafted({ discount: { amount: 250n, reason: 'for waiting' } })
    const lines = [{ variantId: goods.variantId, quantity: 5n }]
    const changed = await merchant.inMerchant((tx) => changeDraft(tx, draft.id, { lines }, by.now))
    expect(changed.priced.totals).toMatchObject({ subtotal: 5_000n, discount: 250n })
    const without = await merchant.inMerchant((tx) => changeDraft(tx, draft.id, { discount: null }, by.now))
    expect(without.priced.totals).toMatchObject({ subtotal: 5_000n, discount: 0n })
  })

  it('lets its buyer say where it goes, and nothing else', async () => {
    const { draft, goods } = await drafted()
    const moved = await merchant.inMerchant((tx) =>
      updateCart(tx, draft.id, { details: { shippingAddress: { ...ADDRESS, city: 'Bonn' } }, now: by.now }),
    )
    expect(moved.shippingAddress).toMatchObject({ city: 'Bonn' })
    const more = { lines: [{ variantId: goods.variantId, quantity: 1n }], now: by.now }
    await expect(merchant.inMerchant((tx) => addLines(tx, draft.id, more))).rejects.toMatchObject({
      code: 'invalid_state',
      details: { extra: { current_state: 'draft' } },
    })
    expect((await merchant.inMerchant.read((tx) => loadCart(tx, draft.id, by.now))).lines).toMatchObject([{ quantity: 2n }])
  })

  it('is listed, and is not cleared as an abandoned cart is', async () => {
    const elsewhere = await shop.addMerchant()
    const { draft } = await drafted({}, elsewhere)
    await elsewhere.inMerchant((tx) => tx.sql`update cart set updated_at = '2020-01-01' where merchant_id = ${tx.merchantId}`)
    await clearAbandonedCarts(elsewhere.inMerchant, by.now)
    const { drafts } = await elsewhere.inMerchant.read((tx) => listDrafts(tx, keys, { limit: 1 }))
    expect(drafts).toMatchObject([{ id: draft.id, status: 'open', email: 'ada@buyer.example' }])
  })

  it('is discarded', async () => {
    const { draft } = await drafted()
    await merchant.inMerchant((tx) => discardDraft(tx, draft.id))
    await expect(merchant.inMerchant.read((tx) => assertDraft(tx, draft.id))).rejects.toMatchObject({ code: 'not_found' })
  })

  it('refuses more off than there is to pay, leaving nothing behind', async () => {
    const { draft } = await drafted()
    await expect(drafted({ discount: { amount: 2_001n, reason: '' } })).rejects.toMatchObject({ code: 'discount_exceeds_total' })
    const change = { discount: { amount: 9_999n, reason: '' } }
    await expect(merchant.inMerchant((tx) => changeDraft(tx, draft.id, change, by.now))).rejects.toMatchObject({
      code: 'discount_exceeds_total',
    })
    expect((await merchant.inMerchant.read((tx) => loadCart(tx, draft.id, by.now))).priced.totals.discount).toBe(0n)
  })

  it('is nobody else’s', async () => {
    const { draft } = await drafted()
    const other = await shop.addMerchant()
    await expect(other.inMerchant((tx) => discardDraft(tx, draft.id))).rejects.toMatchObject({ code: 'not_found' })
  })
})
