import { type Case, freshKey, NOWHERE, staffGet } from './bad-input-case.ts'

const staff =
  (url: string, payload: object | string): Case[2] =>
  (ground) => ({
    method: 'POST',
    url,
    token: ground.shop.token,
    headers: { ...freshKey(), 'content-type': 'application/json' },
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  })
/** Of the order that was paid: 30.00, nothing of it refunded. */
const refund =
  (payload: object | string): Case[2] =>
  (ground) =>
    staff(`/v1/admin/orders/${ground.paid.orderId}/refunds`, payload)(ground)
const refundAmount = (amount: string, currency = 'EUR') => refund(`{"amount":{"amount":${amount},"currency":"${currency}"}}`)
const cards = (payload: object) => staff('/v1/admin/gift-cards', { amount: { amount: 1, currency: 'EUR' }, ...payload })
const credit = (amount: number, currency = 'EUR') => staff(`/v1/admin/customers/${NOWHERE}/store-credit`, { change: { amount, currency } })
const reconcile = (payload: object) =>
  staff('/v1/admin/reconciliations', { provider: 'sandbox', from: '2026-01-01T00:00:00Z', until: '2026-01-02T00:00:00Z', ...payload })
const balance =
  (code: unknown): Case[2] =>
  () => ({ method: 'POST', url: '/v1/gift-cards/balance', payload: { code } })

/** Money that goes back, that is owed, and the books of it. */
export const MONEY_BACK: Case[] = [
  [1, 'a refund of -1', refundAmount('-1'), 422, 'amount-out-of-range', '/amount/amount'],
  [2, 'a refund of nothing', refundAmount('0'), 422, 'amount-out-of-range', '/amount'],
  [2, 'gift cards worth nothing', cards({ amount: { amount: 0, currency: 'EUR' } }), 422, 'amount-out-of-range', '/amount/amount'],
  [3, 'a refund of 10.5', refundAmount('10.5'), 400, 'invalid-body', '/amount/amount'],
  [4, 'a refund of "10"', refundAmount('"10"'), 400, 'invalid-body', '/amount/amount'],
  [5, 'a refund of 2^53 + 1', refundAmount('9007199254740993'), 422, 'amount-out-of-range', '/amount/amount'],
  [6, 'a refund of 1e400', refundAmount('1e400'), 400, 'invalid-json'],
  [7, 'a refund of 1E2', refundAmount('1E2'), 400, 'invalid-body'],
  [9, 'a refund in no currency', refundAmount('1', 'eur'), 422, 'currency-unsupported', '/amount/currency'],
  [10, 'a refund one unit above what was captured', refundAmount('3001'), 409, 'refund-exceeds-capture', '/amount'],
  [14, 'cards that come to too much', cards({ amount: { amount: 1e12, currency: 'EUR' }, count: 2 }), 422, 'amount-out-of-range'],
  [15, 'a refund in another currency', refundAmount('1', 'USD'), 422, 'currency-mismatch', '/amount/currency'],
  [15, 'gift cards in another currency', cards({ amount: { amount: 1, currency: 'USD' } }), 422, 'currency-mismatch', '/amount/currency'],
  [16, 'a refund of -1 pieces', refund({ lines: [{ line_id: NOWHERE, quantity: -1 }] }), 422, 'quantity-out-of-range', '/lines/0/quantity'],
  [16, 'no gift cards', cards({ count: 0 }), 422, 'quantity-out-of-range', '/count'],
  [
    16,
    'a refund of more pieces than were bought',
    (ground) => refund({ lines: [{ line_id: ground.paid.lineId, quantity: 4 }] })(ground),
    422,
    'quantity-out-of-range',
    '/lines/0/quantity',
  ],
  [20, 'a refund of a line of nobody', refund({ lines: [{ line_id: NOWHERE, quantity: 1 }] }), 404, 'not-found', '/lines/0/line_id'],
  [
    20,
    'a refund of a line of another merchant',
    (ground) => refund({ lines: [{ line_id: ground.foreign.paid.lineId, quantity: 1 }] })(ground),
    404,
    'not-found',
    '/lines/0/line_id',
  ],
  [20, 'a gift card of nobody', staffGet(`/v1/admin/gift-cards/${NOWHERE}`), 404, 'not-found'],
  [20, 'store credit of nobody', credit(1), 404, 'not-found'],
  [
    21,
    'an order as a refund',
    (ground) => staffGet(`/v1/admin/orders/${ground.paid.orderId}/refunds/${ground.paid.orderId}`)(ground),
    404,
    'not-found',
  ],
  [22, 'a gift card in braces', staffGet(`/v1/admin/gift-cards/{${NOWHERE}}`), 400, 'invalid-id', '/params/gift_card_id'],
  [
    24,
    'a reconciliation called __proto__',
    staffGet('/v1/admin/reconciliations/__proto__'),
    400,
    'invalid-id',
    '/params/reconciliation_id',
  ],
  [
    26,
    'NUL in the reason of a refund',
    refund({ amount: { amount: 1, currency: 'EUR' }, reason: 'a\u0000b' }),
    422,
    'invalid-text',
    '/reason',
  ],
  [27, 'a lone surrogate in a note on cards', cards({ note: '\ud800' }), 422, 'invalid-text', '/note'],
  [29, 'an emoji as a code', balance('\u{1f4a9}'), 422, 'gift-card-invalid'],
  [31, 'a code of 100 kB', balance('x'.repeat(100_000)), 422, 'text-too-long', '/code'],
  [
    35,
    'two amounts of a refund',
    refund('{"amount":{"amount":1,"currency":"EUR"},"amount":{"amount":2,"currency":"EUR"}}'),
    400,
    'duplicate-key',
  ],
  [38, 'a refund that says its tax', refund({ amount: { amount: 1, currency: 'EUR' }, tax: 0 }), 400, 'unknown-field', '/tax'],
  [
    64,
    'a refund without a key',
    (ground) => ({ method: 'POST', url: `/v1/admin/orders/${ground.paid.orderId}/refunds`, token: ground.shop.token, payload: {} }),
    400,
    'idempotency-key-missing',
  ],
  [
    93,
    'entries from a made-up cursor',
    staffGet('/v1/admin/ledger/entries?account=sales&currency=EUR&cursor=x.y.z'),
    400,
    'invalid-cursor',
  ],
  [95, 'a trial balance until infinity', staffGet('/v1/admin/ledger/trial-balance?until=infinity'), 400, 'invalid-timestamp'],
  [95, 'a period that ends before it begins', reconcile({ until: '2025-12-31T00:00:00Z' }), 400, 'invalid-timestamp', '/until'],
  [95, 'a period of a year', reconcile({ until: '2027-01-01T00:00:00Z' }), 400, 'invalid-timestamp', '/until'],
  [
    99,
    'a refund of what nobody has paid',
    (ground) => staff(`/v1/admin/orders/${ground.order.id}/refunds`, { amount: { amount: 1, currency: 'EUR' } })(ground),
    409,
    'invalid-state',
  ],
]
