import { existsSync, readFileSync } from 'node:fs'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApi, type TestApi } from './testing/api.ts'
import { GOODS } from './testing/bad-goods.ts'
import type { BadInput } from './testing/bad-input-case.ts'
import { MONEY_BACK } from './testing/bad-money.ts'
import { CARTS_AND_CUSTOMERS } from './testing/bad-prices.ts'
import { PROMOTIONS_AND_COUPONS } from './testing/bad-promotions.ts'
import { CREDENTIALS, IDEMPOTENCY, JSON_AND_HTTP, LISTS, TIMES_AND_STATES } from './testing/bad-requests.ts'
import { STOCK } from './testing/bad-stock.ts'
import { TAXES_AND_SHIPPING } from './testing/bad-taxes.ts'
import { IDS, MONEY, QUANTITIES, TEXTS } from './testing/bad-values.ts'
import { WEBHOOKS } from './testing/bad-webhooks.ts'
import { type Ground, prepareGround } from './testing/ground.ts'

const NAUGHTY = new URL('../../../../shared/data/vectors/blns.json', import.meta.url)

/** The catalogue of bad input, as far as there are routes for it: each with its exact status and type. */
const BAD_INPUT: BadInput[] = [
  MONEY,
  QUANTITIES,
  IDS,
  TEXTS,
  JSON_AND_HTTP,
  CREDENTIALS,
  IDEMPOTENCY,
  LISTS,
  TIMES_AND_STATES,
  TAXES_AND_SHIPPING,
  PROMOTIONS_AND_COUPONS,
  CARTS_AND_CUSTOMERS,
  MONEY_BACK,
  STOCK,
  GOODS,
  WEBHOOKS,
]
  .flat()
  .map(([item, name, request, status, type, pointer]) => ({
    item,
    name,
    request,
    status,
    ...(type && { type }),
    ...(pointer !== undefined && { pointer }),
  }))

let api: TestApi
let ground: Ground
let everything: postgres.Sql
let countRows: string
let counted: unknown
const durations: number[] = []

beforeAll(async () => {
  api = await createTestApi()
  ground = await prepareGround(api)
  everything = postgres(api.shop.database.adminUrl, { max: 1 })
  countRows = await statementThatCounts()
  counted = await rowCounts()
})
afterAll(async () => {
  await everything.end()
  await api.close()
})

describe('bad input', () => {
  it.each(BAD_INPUT)('$item: $name', async ({ request, status, type, pointer }) => {
    const { host = ground.shop.host, ...options } = request(ground)
    const started = performance.now()
    const answer = await api.call(host, options)
    durations.push(performance.now() - started)
    expect([answer.status, answer.body.type?.split('/').at(-1)]).toEqual([status, type])
    if (pointer !== undefined) expect(answer.body.errors[0].pointer).toBe(pointer)
    const before = counted
    counted = await rowCounts()
    expect(counted).toEqual(before)
  })

  it('is refused within 200 ms, by half of what was tried on a machine that may be busy', () => {
    durations.sort((a, b) => a - b)
    expect(durations[Math.floor(durations.length / 2)]).toBeLessThan(200)
  })

  it("finds the same words for another merchant's thing and for nothing", async () => {
    const nowhere = '00000000-0000-7000-8000-000000000000'
    for (const [path, foreign] of [
      ['/v1/admin/products', ground.foreign.productId],
      ['/v1/admin/orders', ground.foreign.order.id],
    ] as const) {
      const answers = await Promise.all(
        [foreign, nowhere].map((id) => api.call(ground.shop.host, { url: `${path}/${id}`, token: ground.shop.token })),
      )
      expect(answers[0]!.text).toBe(answers[1]!.text)
    }
  })

  it.skipIf(!existsSync(NAUGHTY))('keeps each naughty string as it is, or refuses it', async () => {
    const strings = JSON.parse(readFileSync(NAUGHTY, 'utf8')) as string[]
    const fates = { kept: 0, refused: 0 }
    for (const text of strings) {
      const payload = { title: 'Naughty', description_html: text, vendor: text, variants: [{ price: { amount: 1, currency: 'EUR' } }] }
      const made = await api.call(ground.shop.host, { method: 'POST', url: '/v1/admin/products', token: ground.shop.token, payload })
      if (made.status === 201) {
        fates.kept += 1
        expect(made.body.description_html).toBe(text)
        expect(made.body.vendor).toBe(text.normalize('NFC'))
      } else {
        fates.refused += 1
        expect([made.status, made.body.type]).toEqual([422, expect.stringMatching(/invalid-text$|text-too-long$/)])
      }
    }
    expect(fates.kept).toBeGreaterThan(400)
    expect(fates.kept + fates.refused).toBe(strings.length)
  })
})

/** Rows of every table, of whomever: what is refused has written none. */
async function rowCounts(): Promise<Record<string, string>> {
  const rows = await everything.unsafe<{ name: string; count: string }[]>(countRows, [], { prepare: true })
  return Object.fromEntries(rows.map(({ name, count }) => [name, count]))
}

/** One statement for all tables, which is planned once. */
async function statementThatCounts(): Promise<string> {
  const tables = await everything<{ name: string }[]>`
    select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1`
  return tables.map(({ name }) => `select '${name}' as name, count(*) from "${name}"`).join(' union all ')
}
