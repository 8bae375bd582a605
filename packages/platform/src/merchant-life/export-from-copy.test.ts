import { randomUUID } from 'node:crypto'
import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findInCopy } from './export-from-copy.ts'

let copy: TestDatabase
let admin: postgres.Sql

beforeAll(async () => {
  copy = await createTestDatabase()
  admin = postgres(copy.adminUrl, { max: 1, onnotice: () => {} })
})
afterAll(async () => {
  await admin.end()
  await copy.drop()
})

// Pitfall 40: a cell has rows of a merchant before it comes to live there, and for a day after it has left.
test.each([
  ['active', true],
  ['fenced', true],
  ['moved', false],
  ['standby', false],
])('a merchant whose home in a copy is %s is found there: %s', async (state, isFound) => {
  const [id, slug] = [randomUUID(), `shop-${state}`]
  await admin`
    insert into merchant_settings (merchant_id, slug, name, currency, country, prices_include_tax, tax_rate_ppm, shipping_name, shipping_amount,
      contact_email, default_location_id)
    values (${id}, ${slug}, 'Shop', 'EUR', 'DE', true, 0, 'Parcel', 0, 'shop@souk.example', ${randomUUID()})`
  await admin`insert into tenancy.home (merchant_id, epoch, state) values (${id}, 3, ${state})`
  for (const named of [id, slug]) {
    expect(await findInCopy(copy.adminUrl, named)).toEqual(isFound ? { id, slug, name: 'Shop', epoch: 3n } : undefined)
  }
})
