import { retryDeadJob } from '@souk/core/jobs/dead-jobs.ts'
import { Refusal } from '@souk/core/refusal.ts'
import { createTestMerchant } from '@souk/core/testing/merchant.ts'
import { DoorError } from '@souk/tenant-router/door-error.ts'
import pg from 'pg'
import { expect, test } from 'vitest'
import { describeError } from './describe-error.ts'

const CANARY = 'canary-4711'

test('tells of an error what went wrong and where, without what it quotes', () => {
  const text = describeError(new SyntaxError(`Unexpected token 'c', "${CANARY}" is not valid JSON\nsecond line`))
  expect(text).toMatch(
    /^SyntaxError: Unexpected token "…", "…" is not valid JSON second line \(apps\/worker\/src\/describe-error\.test\.ts:\d+\)$/,
  )
})

test('shows no addresses: neither of people nor of databases', () => {
  expect(describeError(new Error(`no answer from postgres://souk:${CANARY}@10.0.0.1/souk for ${CANARY}@shop.example`))).not.toContain(
    CANARY,
  )
})

test('says why the door was closed and what was refused', () => {
  expect(describeError(new DoorError('cell_busy', 'Too many callers.', new Error(CANARY)))).toMatch(
    /^DoorError cell_busy: Too many callers\./,
  )
  expect(describeError(new Refusal('not_found', { detail: 'No such import.', extra: { CANARY } }))).toMatch(
    /^Refusal not_found: No such import\./,
  )
  expect(describeError(CANARY)).toBe('Something that is no error was thrown')
})

test('is bounded, whatever it is given', () => {
  expect(describeError(new Error('x'.repeat(1_000_000))).length).toBeLessThan(500)
})

test('of a database error it tells code and names, never values, parameters or SQL', async () => {
  const { inMerchant, merchant, database, close } = await createTestMerchant()
  const failing = [
    // Through Drizzle, whose own error holds the query and all its parameters.
    inMerchant((tx) => retryDeadJob(tx, CANARY)),
    inMerchant((tx) => tx.sql`insert into location (merchant_id, name) values (${merchant.id}, 'Main')`.execute()),
    inMerchant((tx) => tx.sql`select ${CANARY}::uuid`.execute()),
  ]
  const texts = (await Promise.allSettled(failing)).map((answer) =>
    answer.status === 'rejected' ? describeError(answer.reason) : 'no error',
  )
  expect(texts[0]).toMatch(/^Database error 22P02/)
  expect(texts[1]).toMatch(/^Database error 23505, table location, constraint location_merchant_id_name_key/)
  expect(texts[2]).toMatch(/^Database error 22P02/)
  expect(texts.join()).not.toMatch(/canary|insert|select/)
  const client = new pg.Client({ connectionString: database.url('souk_queue') })
  await client.connect()
  const answer = await client.query('select $1::uuid', [CANARY]).catch((error) => describeError(error))
  expect(answer).toMatch(/^Database error 22P02/)
  await client.end()
  await close()
})
