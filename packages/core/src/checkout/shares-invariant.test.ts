import { readInvariants } from '@souk/migrations/invariants.ts'
import { drizzle } from 'drizzle-orm/postgres-js'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buyCart, fillCart } from '../testing/buying.ts'
import { addGoods } from '../testing/goods.ts'
import { createTestMerchant } from '../testing/merchant.ts'
import { addPromotion } from '../testing/promotions.ts'

const IN_RESULT = `update orders set pricing_result = jsonb_set(pricing_result, '{adjustments}', (
  select jsonb_agg(case when a ->> 'source' = 'promotion' then jsonb_set(a, CHANGED) else a end) from jsonb_array_elements(pricing_result -> 'adjustments') a))`

let merchant: Awaited<ReturnType<typeof createTestMerchant>>
let admin: ReturnType<typeof drizzle>['$client']

beforeAll(async () => {
  merchant = await createTestMerchant()
  admin = drizzle(merchant.database.adminUrl).$client
  await addPromotion(merchant)
  const [one, another] = [await addGoods(merchant), await addGoods(merchant)]
  const cart = await fillCart(merchant, [{ goods: one, quantity: 3n }, { goods: another }])
  await buyCart(merchant, cart.id)
})
afterAll(async () => {
  await admin.end()
  await merchant.close()
})

/** What 07 finds when a statement has changed what is stored. Nothing of that stays. */
async function foundAfter(statement: string): Promise<string[]> {
  const { text } = (await readInvariants()).find(({ name }) => name === '07_order_shares_add_up')!
  const undone = new Error('taken back')
  let found: string[] = []
  const look = admin.begin(async (sql) => {
    await sql.unsafe('set local session_replication_role = replica')
    await sql.unsafe(statement)
    found = (await sql.unsafe(text)).map(({ problem }) => problem as string)
    throw undone
  })
  await expect(look).rejects.toBe(undone)
  return [...new Set(found)].sort()
}

it.each([
  [[], 'nothing is changed', 'select 1'],
  [
    ['shares do not come to the amount'],
    'an adjustment is more than its shares',
    IN_RESULT.replace('CHANGED', `'{amount}', to_jsonb((((a ->> 'amount')::bigint) - 1)::text)`),
  ],
  [
    ['shares do not come to the amount', 'shares do not come to the discount of the line'],
    'a share is of nothing',
    IN_RESULT.replace('CHANGED', `'{shares,0,amount}', '"0"'`),
  ],
  [['shares do not come to the discount of the line'], 'a line has more off', 'update order_line set discount_total = discount_total + 1'],
  [
    ['shares do not come to the discount of the line'],
    'what was taken off is called a tax',
    IN_RESULT.replace('CHANGED', `'{source}', '"tax"'`),
  ],
])('finds %j when %s', async (problems, _, statement) => {
  expect(await foundAfter(statement)).toEqual(problems)
})
