import { customerToken } from '@souk/core/customers/customer-token.ts'
import { type Case, cartHeaders, NOWHERE, settings } from './bad-input-case.ts'

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

const ofStaff =
  (method: Method, url: string, payload?: object): Case[2] =>
  (ground) => ({ method, url, token: ground.shop.token, ...(payload && { payload }) })
const ofCart =
  (method: Method, path: string, payload?: object): Case[2] =>
  (ground) => ({ method, url: `/v1/carts/${ground.cart.id}${path}`, headers: cartHeaders(ground), ...(payload && { payload }) })
const quote =
  (given: object): Case[2] =>
  (ground) => ({
    method: 'POST',
    url: '/v1/admin/quotes',
    token: ground.shop.token,
    payload: { lines: [{ variant_id: ground.variantId, quantity: 1 }], ...given },
  })
const cancel = (payload: object) => ofStaff('POST', `/v1/admin/orders/${NOWHERE}/cancel`, payload)
const customer = (payload: object) => ofStaff('POST', '/v1/admin/customers', payload)
const group = (payload: object) => ofStaff('POST', '/v1/admin/customer-groups', payload)
const collection = (payload: object) => ofStaff('POST', '/v1/admin/collections', payload)

/** A token for nobody: signed with other keys. */
const FORGED = customerToken({ keys: [{ kid: 'test', secret: Buffer.alloc(32) }] }, NOWHERE, {
  customerId: NOWHERE,
  expiresAt: new Date('2099-01-01T00:00:00Z'),
})

export const CARTS_AND_CUSTOMERS: Case[] = [
  [16, 'a quote for no units', quote({ lines: [{ variant_id: NOWHERE, quantity: 0 }] }), 422, 'quantity-out-of-range', '/lines/0/quantity'],
  [
    17,
    'a quote of more lines than a cart holds',
    quote({ lines: Array.from({ length: 1_501 }, () => ({ variant_id: NOWHERE, quantity: 1 })) }),
    422,
    'too-many-lines',
    '/lines',
  ],
  [20, 'a quote for nobody’s variant', quote({ lines: [{ variant_id: NOWHERE, quantity: 1 }] }), 404, 'not-found', '/lines/0'],
  [20, 'a quote for nobody', quote({ customer_id: NOWHERE }), 404, 'not-found', '/customer_id'],
  [20, 'the explanation of nobody’s cart', ofStaff('GET', `/v1/admin/carts/${NOWHERE}/explanation`), 404, 'not-found'],
  [20, 'the recalculation of nobody’s order', ofStaff('GET', `/v1/admin/orders/${NOWHERE}/recalculation`), 404, 'not-found'],
  [
    20,
    'nobody’s customer into a group',
    ofStaff('POST', `/v1/admin/customer-groups/${NOWHERE}/members`, { customer_id: NOWHERE }),
    404,
    'not-found',
  ],
  [
    20,
    'nobody’s product into a collection',
    ofStaff('POST', `/v1/admin/collections/${NOWHERE}/products`, { product_ids: [NOWHERE] }),
    404,
    'not-found',
  ],
  [
    22,
    'a cart’s explanation by an id in capitals',
    ofStaff('GET', '/v1/admin/carts/ABCDEF00-0000-7000-8000-000000000000/explanation'),
    400,
    'invalid-id',
  ],
  [26, 'NUL in a code', ofCart('POST', '/coupons', { code: 'a\0b' }), 422, 'coupon-unknown', '/code'],
  [26, 'NUL in why an order is cancelled', cancel({ reason: 'a\0b' }), 422, 'invalid-text', '/reason'],
  [26, 'NUL in a customer’s name', customer({ email: 'a@buyer.example', name: 'a\0b' }), 422, 'invalid-text', '/name'],
  [29, 'a group that reads backwards', group({ name: 'a\u202eb' }), 422, 'invalid-text', '/name'],
  [29, 'a collection that nobody sees', collection({ title: 'a\u200bb' }), 422, 'invalid-text', '/title'],
  [31, 'a code as long as a letter', ofCart('POST', '/coupons', { code: 'A'.repeat(300) }), 422, 'text-too-long', '/code'],
  [31, 'a reason as long as a book', cancel({ reason: 'x'.repeat(2_000) }), 422, 'text-too-long', '/reason'],
  [38, 'prices that a buyer says', ofCart('PATCH', '', { total: 1 }), 400, 'unknown-field', '/total'],
  [38, 'groups that a buyer says', ofCart('PATCH', '', { customer: { groups: ['staff'] } }), 400, 'unknown-field', '/customer'],
  [38, 'a customer that a buyer says', ofCart('PATCH', '', { customer_id: NOWHERE }), 400, 'unknown-field', '/customer_id'],
  [
    52,
    'a customer token that we did not sign',
    ofCart('PATCH', '', { customer_token: FORGED }),
    422,
    'customer-token-invalid',
    '/customer_token',
  ],
  [52, 'a customer token of nonsense', ofCart('PATCH', '', { customer_token: '..' }), 422, 'customer-token-invalid', '/customer_token'],
  [
    57,
    'a cart’s token for a customer’s',
    (ground) => ofCart('PATCH', '', { customer_token: ground.cart.token })(ground),
    422,
    'customer-token-invalid',
  ],
  [86, 'a code that would be SQL', ofCart('POST', '/coupons', { code: "x' or '1'='1" }), 422, 'coupon-unknown', '/code'],
  [
    86,
    'a way of sending that would be SQL',
    ofCart('PATCH', '', { shipping_option: "flat'; drop table cart" }),
    422,
    'shipping-option-unavailable',
    '/shipping_option',
  ],
  [
    86,
    'a channel that would be SQL',
    () => ({ method: 'POST', url: '/v1/carts', payload: { channel: "web'--" } }),
    400,
    'invalid-body',
    '/channel',
  ],
  [89, 'a VAT id of letters', ofCart('PATCH', '', { vat_id: 'DEABCDEFGHI' }), 422, 'vat-id-invalid', '/vat_id'],
  [89, 'a VAT id of an array', ofCart('PATCH', '', { vat_id: ['DE129273398'] }), 400, 'invalid-body', '/vat_id'],
  [95, 'a quote as of the 30th of February', quote({ as_of: '2027-02-30T00:00:00Z' }), 400, 'invalid-timestamp', '/as_of'],
  [95, 'a time zone on Mars', settings({ time_zone: 'Mars/Olympus' }), 400, 'invalid-body', '/time_zone'],
  [
    98,
    'a recalculation as of some day',
    ofStaff('GET', `/v1/admin/orders/${NOWHERE}/recalculation?version=soon`),
    400,
    'invalid-parameter',
  ],
]
