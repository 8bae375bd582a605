import { afterAll, beforeAll, expect, it } from 'vitest'
import { newId } from '../ids.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { type AuditFilter, listAudit } from './list-audit.ts'
import { AUDIT_DOCUMENT_BYTES_MAX, type NewAuditEntry, recordAudit } from './record-audit.ts'

let shop: TestShop
let merchant: TestMerchant
let other: TestMerchant

const STAFF = newId()
const [TEA, MUG] = [newId(), newId()]

beforeAll(async () => {
  shop = await createTestShop()
  merchant = await shop.addMerchant()
  other = await shop.addMerchant()
  await note({ action: 'promotion.created', targetId: TEA, now: new Date('2026-03-01T10:00:00Z') })
  await note({ action: 'promotion.published', targetId: TEA, now: new Date('2026-03-02T10:00:00Z') })
  await note({
    action: 'tax_rates.imported',
    targetType: 'tax_table',
    targetId: MUG,
    actor: { kind: 'job', task: 'test' },
    now: new Date('2026-03-03T10:00:00Z'),
  })
})
afterAll(() => shop.close())

function note(entry: Partial<NewAuditEntry>, of = merchant) {
  const whole: NewAuditEntry = {
    action: 'promotion.created',
    targetType: 'promotion',
    targetId: TEA,
    before: null,
    after: { name: 'Tea' },
    reason: 'spring',
    actor: { kind: 'staff', id: STAFF },
    now: new Date(),
    ...entry,
  }
  return of.inMerchant((tx) => recordAudit(tx, whole))
}

async function actions(filter: AuditFilter, limit = 10, of = merchant): Promise<string[]> {
  const { entries } = await of.inMerchant.read((tx) => listAudit(tx, filter, { limit }))
  return entries.map((entry) => entry.action)
}

it('tells who did what to what, when and why, with what was and what is', async () => {
  const { entries } = await merchant.inMerchant.read((tx) => listAudit(tx, { action: 'promotion.published' }, { limit: 1 }))
  expect(entries).toEqual([
    {
      merchantId: merchant.merchant.id,
      id: expect.any(String),
      action: 'promotion.published',
      targetType: 'promotion',
      targetId: TEA,
      before: null,
      after: { name: 'Tea' },
      reason: 'spring',
      actor: { kind: 'staff', id: STAFF },
      actorId: STAFF,
      occurredAt: new Date('2026-03-02T10:00:00Z'),
      sequence: 2n,
      previousHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    },
  ])
})

it('lists the newest first, page by page', async () => {
  const first = await merchant.inMerchant.read((tx) => listAudit(tx, {}, { limit: 2 }))
  expect(first.entries.map((entry) => entry.action)).toEqual(['tax_rates.imported', 'promotion.published'])
  const second = await merchant.inMerchant.read((tx) => listAudit(tx, {}, { limit: 2, before: first.next! }))
  expect(second.entries.map((entry) => entry.action)).toEqual(['promotion.created'])
  expect(second.next).toBeNull()
})

it('finds by what was changed, who changed it, what was done, and when', async () => {
  expect(await actions({ targetId: MUG })).toEqual(['tax_rates.imported'])
  expect(await actions({ targetType: 'promotion' })).toEqual(['promotion.published', 'promotion.created'])
  expect(await actions({ actorId: STAFF, action: 'promotion.created' })).toEqual(['promotion.created'])
  expect(await actions({ since: new Date('2026-03-02T10:00:00Z') })).toEqual(['tax_rates.imported', 'promotion.published'])
  expect(await actions({ until: new Date('2026-03-02T10:00:00Z') })).toEqual(['promotion.created'])
})

it("shows nothing of another merchant's", async () => {
  expect(await actions({}, 10, other)).toEqual([])
  expect(await actions({ targetId: TEA }, 10, other)).toEqual([])
})

it('keeps the digest of a document that is too large for a log', async () => {
  const targetId = newId()
  await note({ targetId, after: { text: 'x'.repeat(AUDIT_DOCUMENT_BYTES_MAX) }, before: { amount: 12n } })
  const { entries } = await merchant.inMerchant.read((tx) => listAudit(tx, { targetId }, { limit: 1 }))
  expect(entries[0]!.before).toEqual({ amount: 12 })
  expect(entries[0]!.after).toEqual({ sha256: expect.stringMatching(/^[0-9a-f]{64}$/), bytes: AUDIT_DOCUMENT_BYTES_MAX + 11 })
})

it('refuses a reason that is longer than anybody reads', async () => {
  await expect(note({ reason: 'x'.repeat(1_001) })).rejects.toMatchObject({ code: 'text_too_long' })
})

it('cannot be edited or erased', async () => {
  const edit = merchant.inMerchant((tx) => tx.sql`update audit_entry set reason = '' where merchant_id = ${tx.merchantId}`)
  await expect(edit).rejects.toMatchObject({ code: '42501' })
  const erase = merchant.inMerchant((tx) => tx.sql`delete from audit_entry where merchant_id = ${tx.merchantId}`)
  await expect(erase).rejects.toMatchObject({ code: '42501' })
})
