import { drizzle } from 'drizzle-orm/postgres-js'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { newId } from '../ids.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { recordAudit } from './record-audit.ts'
import { verifyAudit } from './verify-audit.ts'
import type { ChainVerification } from './verify-chain.ts'

const ENTRIES = 12

type Admin = ReturnType<typeof drizzle>['$client']
type AdminTx = Parameters<Parameters<Admin['begin']>[1]>[0]

let shop: TestShop
let merchant: TestMerchant
let admin: Admin

beforeAll(async () => {
  shop = await createTestShop()
  admin = drizzle(shop.database.adminUrl).$client
})
beforeEach(async () => {
  merchant = await shop.addMerchant()
  for (let number = 1; number <= ENTRIES; number += 1) await note(number)
})
afterAll(async () => {
  await admin.end()
  await shop.close()
})

function note(number: number): Promise<unknown> {
  return merchant.inMerchant((tx) =>
    recordAudit(tx, {
      action: 'thing.changed',
      targetType: 'thing',
      targetId: newId(),
      before: { number: number - 1, text: 'ü' },
      after: number % 2 === 0 ? null : { number },
      reason: `because of ${number}`,
      actor: { kind: 'job', task: 'test' },
      now: new Date(),
    }),
  )
}

/** As somebody with every right would do it: past row security, and past the trigger. */
async function tamper(change: (sql: AdminTx, merchantId: string) => Promise<unknown>): Promise<void> {
  await admin.begin(async (sql) => {
    await sql`set local session_replication_role = replica`
    await change(sql, merchant.merchant.id)
  })
}

const wrongIn = async (): Promise<ChainVerification['wrong']> => (await verifyAudit(merchant.inMerchant)).wrong

it('finds nothing wrong with a log as it was written', async () => {
  const { verified, head, wrong } = await verifyAudit(merchant.inMerchant)
  expect({ verified, wrong, sequence: head.sequence }).toEqual({ verified: 12n, wrong: null, sequence: 12n })
  const nobody = await shop.addMerchant()
  expect(await verifyAudit(nobody.inMerchant)).toEqual({ verified: 0n, head: { sequence: 0n, hash: '' }, wrong: null })
})

it.each([
  ['the reason', 'reason', `'because of nothing'`],
  ['who did it', 'actor', `'{"kind":"job","task":"other"}'`],
  ['what it was', 'before', `'{}'`],
  ['what it is, to nothing', 'after', 'null'],
  ['when', 'occurred_at', `occurred_at + interval '1 microsecond'`],
  ['the action', 'action', `'thing.left'`],
])('names the entry of which %s was edited', async (_what, column, value) => {
  await tamper((sql, id) => sql.unsafe(`update audit_entry set "${column}" = ${value} where merchant_id = $1 and sequence = 7`, [id]))
  expect(await wrongIn()).toEqual({ sequence: 7n, entryId: expect.any(String), fault: 'edited' })
})

it('names the entry that was edited and given the hash that fits, by the one after it', async () => {
  await tamper((sql, id) => sql`update audit_entry set reason = '' where merchant_id = ${id} and sequence = 7`)
  await tamper((sql, id) => sql`update audit_entry e set hash = app.audit_hash(e) where merchant_id = ${id} and sequence = 7`)
  expect(await wrongIn()).toEqual({ sequence: 8n, entryId: expect.any(String), fault: 'unchained' })
})

it.each([1, 6])('names entry %i, which was removed', async (sequence) => {
  await tamper((sql, id) => sql`delete from audit_entry where merchant_id = ${id} and sequence = ${sequence}`)
  expect(await wrongIn()).toEqual({ sequence: BigInt(sequence), entryId: null, fault: 'missing' })
})

it('names the first of those that were cut off the end', async () => {
  await tamper((sql, id) => sql`delete from audit_entry where merchant_id = ${id} and sequence > 9`)
  expect(await wrongIn()).toEqual({ sequence: 10n, entryId: null, fault: 'missing' })
})

it('names the first of two that changed places, and one that was put in between', async () => {
  await tamper((sql, id) => sql`update audit_entry set sequence = 9 - sequence where merchant_id = ${id} and sequence in (4, 5)`)
  expect(await wrongIn()).toEqual({ sequence: 4n, entryId: expect.any(String), fault: 'edited' })
  await tamper((sql, id) => sql`update audit_entry set sequence = 9 - sequence where merchant_id = ${id} and sequence in (4, 5)`)
  expect(await wrongIn()).toBeNull()
  await tamper(
    (sql, id) => sql`
      insert into audit_entry select (jsonb_populate_record(e, jsonb_build_object('id', uuidv7()))).* from audit_entry e
      where merchant_id = ${id} and sequence = 3`,
  )
  expect(await wrongIn()).toMatchObject({ sequence: 3n, fault: 'edited' })
})

it('tells an end that was cut off together with its mark, and a log that was written anew, by a mark that was kept elsewhere', async () => {
  const { head } = await verifyAudit(merchant.inMerchant)
  await tamper((sql, id) => sql`delete from audit_entry where merchant_id = ${id} and sequence > 11`)
  await tamper(
    (sql, id) => sql`
    update audit_chain c set sequence = 11, hash = (select hash from audit_entry e where e.merchant_id = c.merchant_id and e.sequence = 11)
    where merchant_id = ${id}`,
  )
  expect(await wrongIn()).toBeNull()
  expect((await verifyAudit(merchant.inMerchant, head)).wrong).toMatchObject({ sequence: 12n, fault: 'missing' })
  await note(13)
  expect(await wrongIn()).toBeNull()
  expect((await verifyAudit(merchant.inMerchant, head)).wrong).toMatchObject({ sequence: 12n, fault: 'unchained' })
})

it('tells a log that has no end any more', async () => {
  await tamper((sql, id) => sql`delete from audit_chain where merchant_id = ${id}`)
  expect(await wrongIn()).toMatchObject({ sequence: 1n, fault: 'unchained' })
})

it('chains what many write at once', async () => {
  await Promise.all(Array.from({ length: 30 }, (_, index) => note(100 + index)))
  expect(await verifyAudit(merchant.inMerchant)).toMatchObject({ verified: 42n, wrong: null })
})

it('leaves no gap for what was rolled back', async () => {
  const failing = merchant.inMerchant(async (tx) => {
    await recordAudit(tx, {
      action: 'thing.changed',
      targetType: 'thing',
      targetId: newId(),
      before: null,
      after: null,
      reason: '',
      actor: { kind: 'job', task: 'test' },
      now: new Date(),
    })
    throw new Error('changed my mind')
  })
  await expect(failing).rejects.toThrow('changed my mind')
  await note(13)
  expect(await verifyAudit(merchant.inMerchant)).toMatchObject({ verified: 13n, wrong: null })
})

it('takes no number and no hash from whoever writes', async () => {
  await merchant.inMerchant(
    (tx) => tx.sql`
      insert into audit_entry (merchant_id, action, target_type, target_id, reason, actor, sequence, previous_hash, hash)
      values (${tx.merchantId}, 'thing.forged', 'thing', ${newId()}, '', '{}', 3, 'x', 'y')`,
  )
  expect(await verifyAudit(merchant.inMerchant)).toMatchObject({ verified: 13n, wrong: null })
})
