import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { recordAudit } from '@souk/core/audit/record-audit.ts'
import { buyCart, fillCart } from '@souk/core/testing/buying.ts'
import { addGoods } from '@souk/core/testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '@souk/core/testing/merchant.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apiEnvironment, run, writeKeys } from './testing/as-process.ts'

const VERIFY = new URL('./verify.ts', import.meta.url).pathname

let shop: TestShop
let merchant: TestMerchant
let folder: string
let admin: postgres.Sql

beforeAll(async () => {
  shop = await createTestShop()
  merchant = await shop.addMerchant({ slug: 'verified' })
  folder = mkdtempSync(join(tmpdir(), 'souk-verify-'))
  writeKeys(folder)
  admin = postgres(shop.database.adminUrl, { max: 1 })
})
afterAll(async () => {
  await admin.end()
  rmSync(folder, { recursive: true })
  await shop.close()
})

async function verify(...parameters: string[]) {
  const { exit, output } = run(VERIFY, await apiEnvironment(shop.database, folder), parameters)
  const code = await exit
  return { code, said: output() }
}

describe('verifying a whole deployment', () => {
  it('finds nothing wrong with what was never touched', async () => {
    const cart = await fillCart(merchant, [{ goods: await addGoods(merchant, { price: 1_000n, onHand: 5n }), quantity: 2n }])
    await buyCart(merchant, cart.id)
    await merchant.inMerchant((tx) => recordAudit(tx, entry()))
    const { code, said } = await verify()
    expect(said).toContain('verified: 1 orders; 0 not what their events say')
    expect(said).toMatch(/verified: \d+ audit entries in order\n/)
    expect(code, said).toBe(0)
  })

  it('names an order that is not what its events say, and makes it so when told to', async () => {
    await admin`update orders set tags = array['forged']`
    const found = await verify()
    expect(found.said).toContain('order 1: tags')
    expect(found.code).toBe(1)
    expect((await verify('--repair')).said).toContain('1 not what their events say, made so')
    expect((await verify()).code).toBe(0)
  })

  it('names the first entry of an audit log that was edited', async () => {
    await admin`update audit_entry set reason = 'another one'`
    const { code, said } = await verify()
    expect(said).toMatch(/verified: 0 audit entries in order; entry 1 is edited/)
    expect(code).toBe(1)
  })
})

function entry() {
  const target = { action: 'settings.changed', targetType: 'settings', targetId: merchant.merchant.id }
  return { ...target, before: null, after: {}, reason: 'for this test', actor: { kind: 'job', task: 'test' } as const, now: new Date() }
}
