import type { Case } from './bad-input-case.ts'
import { NOWHERE } from './bad-input-case.ts'

const post =
  (url: string, payload: object | string): Case[2] =>
  (ground) => ({
    method: 'POST',
    url,
    token: ground.shop.token,
    payload,
    ...(typeof payload === 'string' && { headers: { 'content-type': 'application/json' } }),
  })

const off = { type: 'percentage', on: 'order', rate_percent: '10' }
const promotion = (given: object) => post('/v1/admin/promotions', { name: 'Off', actions: [off], reason: 'because', ...given })
const when = (leaf: object) => promotion({ conditions: { all: [leaf] } })
const where = (leaf: object) => promotion({ actions: [{ ...off, where: { all: [leaf] } }] })
const coupon = (given: object) => post('/v1/admin/coupons', { promotion_id: NOWHERE, code: 'A', ...given })
const batch = (given: object) => post('/v1/admin/coupon-batches', { promotion_id: NOWHERE, name: 'A', quantity: 1, ...given })
const life = (verb: string, payload: object) => post(`/v1/admin/promotions/${NOWHERE}/${verb}`, payload)

const subtotal = { fact: 'cart.subtotal', operator: 'equal', value: 1 }
const nested = (depth: number): object => (depth === 0 ? subtotal : { all: [nested(depth - 1)] })
const tiers = (...from: number[]) => ({
  type: 'tiers',
  on: 'line',
  by: 'quantity',
  per: 'line',
  tiers: from.map((each) => ({ from: each, rate_percent: '1' })),
})

export const PROMOTIONS_AND_COUPONS: Case[] = [
  [
    5,
    'an amount no double can hold',
    promotion({ limits: { budget: { amount: 10 ** 13, currency: 'EUR' } } }),
    422,
    'amount-out-of-range',
    '/limits/budget/amount',
  ],
  [
    8,
    'an amount in another currency',
    promotion({ actions: [{ type: 'fixed', on: 'order', amount: { amount: 1, currency: 'USD' } }] }),
    422,
    'currency-mismatch',
    '/actions/0/amount/currency',
  ],
  [
    9,
    'a negative amount',
    promotion({ actions: [{ type: 'fixed', on: 'order', amount: { amount: -1, currency: 'EUR' } }] }),
    422,
    'amount-out-of-range',
    '/actions/0/amount/amount',
  ],
  [
    13,
    'a rate of -1 %',
    promotion({ actions: [{ ...off, rate_percent: '-1' }] }),
    422,
    'percentage-out-of-range',
    '/actions/0/rate_percent',
  ],
  [
    13,
    'a rate of 100.0001 %',
    promotion({ actions: [{ ...off, rate_percent: '100.0001' }] }),
    422,
    'percentage-out-of-range',
    '/actions/0/rate_percent',
  ],
  [13, 'a rate of nothing', promotion({ actions: [{ ...off, rate_percent: '0' }] }), 422, 'promotion-invalid', '/actions/0/rate_percent'],
  [13, 'a share of 0 % of the buyers', life('publish', { version: 1, percent: '0', reason: 'go' }), 422, 'promotion-invalid', '/percent'],
  [
    13,
    'a share of 101 % of the buyers',
    life('publish', { version: 1, percent: '101', reason: 'go' }),
    422,
    'percentage-out-of-range',
    '/percent',
  ],
  [14, 'a limit of no use', promotion({ limits: { uses: 0 } }), 422, 'quantity-out-of-range', '/limits/uses'],
  [14, 'a million codes', batch({ quantity: 1_000_000 }), 422, 'quantity-out-of-range', '/quantity'],
  [14, 'codes that can be guessed', batch({ code_length: 7 }), 422, 'quantity-out-of-range', '/code_length'],
  [14, 'a dry run over all orders there are', life('dry-runs', { version: 1, orders: 1_001 }), 422, 'quantity-out-of-range', '/orders'],
  [24, 'a zero byte in a name', promotion({ name: 'a\0b' }), 422, 'invalid-text', '/name'],
  [25, 'a name that is written backwards', promotion({ name: 'a\u202eb' }), 422, 'invalid-text', '/name'],
  [25, 'a code with a letter nobody sees', coupon({ code: 'a\u200bb' }), 422, 'coupon-code-invalid', '/code'],
  [25, 'a code of markup', coupon({ code: '<script>' }), 422, 'coupon-code-invalid', '/code'],
  [27, 'a code as long as a letter', coupon({ code: 'A'.repeat(65) }), 422, 'coupon-code-invalid', '/code'],
  [27, 'a reason as long as a book', life('turn-off', { reason: 'x'.repeat(10_000) }), 422, 'text-too-long', '/reason'],
  [
    88,
    'a rule with a pattern that explodes',
    when({ fact: 'customer.id', operator: 'matches', value: '^(a+)+$' }),
    422,
    'unsafe-pattern',
    '/conditions/all/0/value',
  ],
  [
    88,
    'an action with a pattern that explodes',
    where({ fact: 'line.sku', operator: 'matches', value: '(.*a){20}' }),
    422,
    'unsafe-pattern',
    '/actions/0/where/all/0/value',
  ],
  [
    89,
    'a rule that runs code by its path',
    when({ ...subtotal, path: '$..[?(@.constructor.constructor("return process")())]' }),
    422,
    'rule-invalid',
    '/conditions/all/0/path',
  ],
  [
    89,
    'a rule that calls a fact with parameters',
    when({ ...subtotal, params: { a: 1 } }),
    422,
    'rule-invalid',
    '/conditions/all/0/params',
  ],
  [
    89,
    'a rule whose value is another fact',
    when({ ...subtotal, value: { fact: 'cart.subtotal' } }),
    422,
    'rule-invalid',
    '/conditions/all/0/value',
  ],
  [89, 'a rule that is nested five deep', promotion({ conditions: nested(5) }), 422, 'rule-too-complex'],
  [89, 'a rule that is nested a thousand deep', promotion({ conditions: nested(1_000) }), 400, 'json-too-deep'],
  [89, 'a rule of ten thousand conditions', promotion({ conditions: { any: Array(4_000).fill(subtotal) } }), 400, 'json-too-many-keys'],
  [89, 'a rule that compares an amount with a text', when({ ...subtotal, value: '5000' }), 422, 'rule-invalid', '/conditions/all/0/value'],
  [89, 'a rule about nothing', when({ ...subtotal, fact: '__proto__' }), 422, 'rule-invalid', '/conditions/all/0/fact'],
  [
    89,
    'a rule that can never hold',
    when({ fact: 'cart.quantity', operator: 'lessThan', value: 0 }),
    422,
    'rule-invalid',
    '/conditions/all/0',
  ],
  [89, 'an empty group, which the engine calls true', promotion({ conditions: { any: [] } }), 422, 'rule-invalid', '/conditions/any'],
  [89, 'a rule that is a text', promotion({ conditions: 'true' }), 400, 'invalid-body', '/conditions'],
  [89, 'tiers that fall', promotion({ actions: [tiers(5, 3)] }), 422, 'promotion-invalid', '/actions/0/tiers/1/from'],
  [89, 'eleven actions', promotion({ actions: Array(11).fill(off) }), 400, 'invalid-body', '/actions'],
  [
    89,
    'a gift of nothing there is',
    promotion({ actions: [{ type: 'gift', variant_id: NOWHERE }] }),
    422,
    'promotion-invalid',
    '/actions/0/variant_id',
  ],
  [89, 'an action nobody knows', promotion({ actions: [{ type: 'steal' }] }), 400, 'invalid-body', '/actions/0/type'],
  [89, 'a field too many', promotion({ id: NOWHERE }), 400, 'unknown-field', '/id'],
  [95, 'a schedule from infinity on', promotion({ schedule: { starts_at: 'infinity' } }), 400, 'invalid-timestamp', '/schedule/starts_at'],
  [
    95,
    'a schedule from the 30th of February on',
    promotion({ schedule: { starts_at: '2027-02-30T00:00' } }),
    422,
    'promotion-invalid',
    '/schedule/starts_at',
  ],
  [
    95,
    'a schedule in no time zone',
    promotion({ schedule: { time_zone: 'Mars/Olympus' } }),
    422,
    'promotion-invalid',
    '/schedule/time_zone',
  ],
  [95, 'a code that expires without an offset', coupon({ expires_at: '2027-01-01T00:00:00' }), 400, 'invalid-timestamp', '/expires_at'],
  [99, 'a version of no promotion', life('publish', { version: 1, reason: 'go' }), 404, 'not-found'],
  [99, 'no reason', life('turn-off', {}), 400, 'invalid-body', '/reason'],
]
