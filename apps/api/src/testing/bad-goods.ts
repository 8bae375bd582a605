import { type Case, freshKey, NOWHERE, staffGet } from './bad-input-case.ts'

const staff =
  (method: 'POST' | 'PATCH', url: string, payload?: object): Case[2] =>
  (ground) => ({ method, url, token: ground.shop.token, ...(payload && { payload }) })
const step = (name: string, payload?: object, id = NOWHERE) => staff('POST', `/v1/admin/fulfillments/${id}/${name}`, payload)
const pick = (quantity: unknown) => step('pick', { lines: [{ line_id: NOWHERE, quantity }] })
const attempt = (payload: object) => staff('POST', `/v1/admin/deliveries/${NOWHERE}/attempts`, payload)
const receive = (inspections: object[]) =>
  staff('POST', `/v1/admin/returns/${NOWHERE}/receive`, { location_id: NOWHERE, lines: [{ line_id: NOWHERE, inspections }] })
/** Of the order that was placed: nothing of it was sent. */
const announce =
  (line: object): Case[2] =>
  (ground) => ({
    method: 'POST',
    url: `/v1/admin/orders/${ground.order.id}/returns`,
    token: ground.shop.token,
    payload: { lines: [{ line_id: NOWHERE, quantity: 1, reason: 'other', ...line }] },
  })
const ask: Case[2] = (ground) => ({
  method: 'POST',
  url: `/v1/orders/${ground.order.id}/returns`,
  headers: { 'order-token': ground.order.token },
  payload: { lines: [{ line_id: NOWHERE, quantity: 1, reason: 'other' }] },
})
const member = (payload: object) =>
  staff('POST', '/v1/admin/staff', { email: 'new@staff.example', name: 'Grace', role: 'support', ...payload })
const refund =
  (payload: object): Case[2] =>
  (ground) => ({
    method: 'POST',
    url: `/v1/admin/returns/${NOWHERE}/refund`,
    token: ground.shop.token,
    headers: freshKey(),
    payload,
  })

/** Staff, goods on their way and goods on their way back. */
export const GOODS: Case[] = [
  [16, '-1 pieces found', pick(-1), 422, 'quantity-out-of-range', '/lines/0/quantity'],
  [16, '1.5 pieces found', pick(1.5), 422, 'quantity-out-of-range', '/lines/0/quantity'],
  [16, '2^31 pieces found', pick(2 ** 31), 422, 'quantity-out-of-range', '/lines/0/quantity'],
  [16, '0 pieces to return', announce({ quantity: 0 }), 422, 'quantity-out-of-range', '/lines/0/quantity'],
  [
    16,
    '0 pieces inspected',
    receive([{ decision: 'restock', quantity: 0 }]),
    422,
    'quantity-out-of-range',
    '/lines/0/inspections/0/quantity',
  ],
  [1, 'a refund of -1', refund({ amount: { amount: -1, currency: 'EUR' } }), 422, 'amount-out-of-range', '/amount/amount'],
  [20, 'a fulfillment of nobody', step('pack'), 404, 'not-found'],
  [20, 'a return of nobody', staff('POST', `/v1/admin/returns/${NOWHERE}/cancel`), 404, 'not-found'],
  [20, 'a member of nobody', staff('PATCH', `/v1/admin/staff/${NOWHERE}`, { name: 'Grace' }), 404, 'not-found'],
  [21, 'an order as a fulfillment', (ground) => staffGet(`/v1/admin/fulfillments/${ground.order.id}`)(ground), 404, 'not-found'],
  [22, 'a fulfillment in braces', step('pack', undefined, `{${NOWHERE}}`), 400, 'invalid-id', '/params/fulfillment_id'],
  [24, 'a fulfillment called __proto__', step('pack', undefined, '__proto__'), 400, 'invalid-id', '/params/fulfillment_id'],
  [
    28,
    'two members with one address',
    (ground) => member({ email: ground.shop.owner.email.toUpperCase() })(ground),
    409,
    'duplicate',
    '/email',
  ],
  [29, 'a member whose name turns around', member({ name: '\u202eecarG' }), 422, 'invalid-text', '/name'],
  [29, 'a carrier with a zero-width name', step('ship', { carrier: 'Po\u200bst' }), 422, 'invalid-text', '/carrier'],
  [26, 'NUL in a note at the door', attempt({ outcome: 'failed', reason: 'other', note: 'a\u0000b' }), 422, 'invalid-text', '/note'],
  [
    31,
    'a note of 2 kB at the door',
    attempt({ outcome: 'failed', reason: 'other', note: 'a'.repeat(2_000) }),
    422,
    'text-too-long',
    '/note',
  ],
  [38, 'a status of its own', step('ship', { status: 'delivered' }), 400, 'unknown-field', '/status'],
  [38, 'a member with a password', member({ password: 'a password of mine' }), 400, 'unknown-field', '/password'],
  [
    38,
    'who received what did not arrive',
    attempt({ outcome: 'failed', reason: 'other', received_by: 'Ada' }),
    400,
    'unknown-field',
    '/received_by',
  ],
  [79, 'a link that is a script', step('ship', { tracking_url: 'javascript:alert(1)' }), 400, 'invalid-body', '/tracking_url'],
  [63, 'a role of nobody', member({ role: 'admin' }), 400, 'invalid-body', '/role'],
  [64, 'a refund without a key', staff('POST', `/v1/admin/returns/${NOWHERE}/refund`, {}), 400, 'idempotency-key-missing'],
  [
    93,
    'a cursor of another list',
    (ground) => staffGet(`/v1/admin/queues/to-pick?cursor=${encodeURIComponent(ground.cursor)}`)(ground),
    400,
    'invalid-cursor',
  ],
  [94, 'a queue of 0', staffGet('/v1/admin/queues/to-pick?limit=0'), 400, 'invalid-limit', '/querystring/limit'],
  [99, 'returning what was never sent', ask, 409, 'invalid-state'],
  [
    57,
    'a password by a token of nobody',
    () => ({ method: 'POST', url: '/v1/admin/password', payload: { token: 'staff_x', password: 'a password of mine' } }),
    401,
    'invalid-token',
  ],
]
