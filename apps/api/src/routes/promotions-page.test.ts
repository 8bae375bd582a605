import { readFileSync } from 'node:fs'
import { DRY_RUN_CARTS_MAX, DRY_RUN_ORDERS_MAX, DRY_RUNS_OPEN_MAX } from '@souk/core/dry-runs/start-dry-run.ts'
import { couponKey } from '@souk/core/promotions/coupon-code.ts'
import { BATCH_CODES_MAX, BATCHES_OPEN_MAX, CONDITIONS_MAX, LIVE_COST_MAX, PROMOTIONS_KEPT_MAX } from '@souk/core/promotions/limits.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ApiMerchant, createTestApi, type TestApi } from '../testing/api.ts'

const page = readFileSync(new URL('../../../../docs/promotions.md', import.meta.url), 'utf8')
const examples = [...page.matchAll(/```http\n(\w+) (\S+)\n([\s\S]*?)```/g)].map(([, method, url, body]) => ({
  method,
  url: url!,
  body: body!,
}))

let api: TestApi
let shop: ApiMerchant

beforeAll(async () => {
  api = await createTestApi()
  shop = await api.addMerchant()
})
afterAll(() => api.close())

it('can be followed from top to bottom', async () => {
  expect(examples.length).toBeGreaterThan(8)
  let promotionId = ''
  for (const { method, url, body } of examples) {
    const filled = (text: string) => text.replaceAll('{promotion_id}', promotionId)
    const answer = await api.call(shop.host, {
      method: method as 'POST',
      url: filled(url),
      token: shop.token,
      payload: JSON.parse(filled(body)),
    })
    expect(answer.status, `${url}: ${answer.text}`).toBeLessThan(300)
    if (url === '/v1/admin/promotions') {
      promotionId = answer.body.id
      expect(answer.body.version.warnings, body).toEqual([])
    }
  }
})

it('says which spellings are one code, and which limits there are', () => {
  expect(new Set(['welcome-5', 'WELCOME\u20115', ' Welcome - 5 '].map(couponKey))).toEqual(new Set(['WELCOME-5']))
  const numbers = [PROMOTIONS_KEPT_MAX, LIVE_COST_MAX, CONDITIONS_MAX, BATCH_CODES_MAX, DRY_RUN_ORDERS_MAX]
  for (const number of numbers) expect(page).toContain(number.toLocaleString('en'))
  expect(page).toContain(`| ${BATCH_CODES_MAX.toLocaleString('en')}; ${BATCHES_OPEN_MAX} `)
  expect(page).toContain(`| ${DRY_RUN_ORDERS_MAX.toLocaleString('en')}, or ${DRY_RUN_CARTS_MAX}; ${DRY_RUNS_OPEN_MAX} `)
})
