import { type Case, NOWHERE } from './bad-input-case.ts'
import type { Ground } from './ground.ts'

const ofStaff =
  (method: 'POST' | 'PATCH' | 'PUT', urlOf: (ground: Ground) => string, payloadOf: (ground: Ground) => object): Case[2] =>
  (ground) => ({ method, url: urlOf(ground), token: ground.shop.token, payload: payloadOf(ground) })
const bundle = (components: readonly object[]): Case[2] =>
  ofStaff(
    'PUT',
    (ground) => `/v1/admin/bundles/${ground.variantId}`,
    () => ({ components: components.map((component) => ({ variant_id: NOWHERE, ...component })) }),
  )
const terms = (payload: object): Case[2] =>
  ofStaff(
    'PUT',
    (ground) => `/v1/admin/stock/${ground.variantId}/terms`,
    () => payload,
  )
const location = (payload: object): Case[2] =>
  ofStaff(
    'POST',
    () => '/v1/admin/locations',
    () => payload,
  )
const minutes = (payload: object): Case[2] =>
  ofStaff(
    'PATCH',
    () => '/v1/admin/reservation-settings',
    () => payload,
  )
const preorder = (availableFrom: string) => terms({ backorder: null, preorder: { available_from: availableFrom, limit: 1 } })

export const STOCK: Case[] = [
  [16, 'a part of a bundle of 0 units', bundle([{ quantity: 0 }]), 422, 'quantity-out-of-range', '/components/0/quantity'],
  [16, 'a part of a bundle of 1.5 units', bundle([{ quantity: 1.5 }]), 422, 'quantity-out-of-range', '/components/0/quantity'],
  [17, '51 parts of a bundle', bundle(Array.from({ length: 51 }, () => ({ quantity: 1 }))), 422, 'too-many', '/components'],
  [20, 'nobody’s goods in a bundle', bundle([{ quantity: 1 }]), 404, 'not-found', '/components/0/variant_id'],
  [
    20,
    "another merchant's goods in a bundle",
    ofStaff(
      'PUT',
      (ground) => `/v1/admin/bundles/${ground.variantId}`,
      (ground) => ({ components: [{ variant_id: ground.foreign.variantId, quantity: 1 }] }),
    ),
    404,
    'not-found',
    '/components/0/variant_id',
  ],
  [16, 'a backorder limit of -1', terms({ backorder: { limit: -1 }, preorder: null }), 422, 'quantity-out-of-range', '/backorder/limit'],
  [
    16,
    'a preorder limit of 1.5',
    terms({ backorder: null, preorder: { available_from: '2027-01-01', limit: 1.5 } }),
    422,
    'quantity-out-of-range',
  ],
  [95, 'a preorder until the 30th of February', preorder('2027-02-30'), 400, 'invalid-timestamp', '/preorder/available_from'],
  [95, 'a preorder until infinity', preorder('infinity'), 400, 'invalid-timestamp', '/preorder/available_from'],
  [20, 'terms at a location that is not there', terms({ backorder: null, preorder: null, location_id: NOWHERE }), 404, 'not-found'],
  [16, 'a reservation of 10,081 minutes', minutes({ cart_minutes: 10_081 }), 422, 'quantity-out-of-range', '/cart_minutes'],
  [16, 'a reservation of 0 minutes', minutes({ payment_minutes: 0 }), 422, 'quantity-out-of-range', '/payment_minutes'],
  [38, 'a reservation of a length that is not known', minutes({ hours: 1 }), 400, 'unknown-field'],
  [16, 'a priority of 1,001', location({ name: 'Far', priority: 1_001 }), 422, 'quantity-out-of-range', '/priority'],
  [29, 'a location with a hidden character', location({ name: 'Sto\u200bre' }), 422, 'invalid-text', '/name'],
  [31, 'a location with a name of 101 letters', location({ name: 'x'.repeat(101) }), 422, 'text-too-long', '/name'],
]
