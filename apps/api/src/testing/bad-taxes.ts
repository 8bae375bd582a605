import type { Case } from './bad-input-case.ts'
import { NOWHERE } from './bad-input-case.ts'

const EURO = { amount: 1, currency: 'EUR' }

const staff =
  (method: 'POST' | 'PATCH', url: string, payload: object): Case[2] =>
  (ground) => ({ method, url, token: ground.shop.token, payload })

const rate = (payload: object) => staff('POST', '/v1/admin/tax-rates', { name: 'VAT', country: 'DE', rate_percent: '19', ...payload })
const taxes = (payload: object) => staff('PATCH', '/v1/admin/tax-settings', payload)
const tryTaxes = (payload: object) =>
  staff('POST', '/v1/admin/taxes/resolve', { lines: [{ amount: { amount: 1, currency: 'EUR' } }], ...payload })
const tryShipping = (payload: object) => staff('POST', '/v1/admin/shipping/rates', { subtotal: { amount: 1, currency: 'EUR' }, ...payload })
const zone = (payload: object) => staff('POST', '/v1/admin/shipping-zones', { name: 'Zone', places: [{ country: 'DE' }], ...payload })
const method = (payload: object) =>
  staff('POST', '/v1/admin/shipping-methods', { code: 'post', name: 'Post', rate: { type: 'flat', amount: EURO }, ...payload })
const weather = { fact: 'weather', operator: 'equal', value: 'sun' }
const evil = { fact: 'customer.id', operator: 'matches', value: '^(a+)+$' }
const path = { fact: 'cart.subtotal', operator: 'equal', value: 1, path: '$..[?(@.constructor.constructor("return process")())]' }
const steps = [
  { from_grams: 0, amount: EURO },
  { from_grams: 0, amount: EURO },
]

export const TAXES_AND_SHIPPING: Case[] = [
  [13, 'a tax rate of -1 %', rate({ rate_percent: '-1' }), 422, 'percentage-out-of-range', '/rate_percent'],
  [13, 'a tax rate of 100.0001 %', rate({ rate_percent: '100.0001' }), 422, 'percentage-out-of-range', '/rate_percent'],
  [13, 'a tax rate of 1e1 %', rate({ rate_percent: '1e1' }), 422, 'percentage-out-of-range', '/rate_percent'],
  [13, 'a tax rate as a number', rate({ rate_percent: 19 }), 400, 'invalid-body', '/rate_percent'],
  [13, 'a tax rate for no country', rate({ country: 'XX' }), 422, 'tax-invalid', '/country'],
  [13, 'a tax rate for a country in small letters', rate({ country: 'de' }), 422, 'tax-invalid', '/country'],
  [13, 'a tax rate for no region', rate({ region: 'Atlantis' }), 422, 'tax-invalid', '/region'],
  [13, 'a tax rate of priority 0', rate({ priority: 0 }), 422, 'tax-invalid', '/priority'],
  [13, 'a tax rate with a field too many', rate({ merchant_id: NOWHERE }), 400, 'unknown-field', '/merchant_id'],
  [24, 'a zero byte in the name of a tax rate', rate({ name: 'a\0b' }), 422, 'invalid-text', '/name'],
  [88, 'a pattern of postcodes that explodes', rate({ postcode_pattern: '^(1+)+$' }), 422, 'tax-invalid', '/postcode_pattern'],
  [88, 'a pattern of postcodes that is none', rate({ postcode_pattern: '(' }), 422, 'tax-invalid', '/postcode_pattern'],
  [95, 'a tax rate from infinity on', rate({ valid_from: 'infinity' }), 422, 'tax-invalid', '/valid_from'],
  [95, 'a tax rate from the 30th of February on', rate({ valid_from: '2027-02-30' }), 422, 'tax-invalid', '/valid_from'],
  [95, 'a tax rate until the year 10000', rate({ valid_to: '10000-01-01' }), 422, 'tax-invalid', '/valid_to'],
  [95, 'a tax rate that ends first', rate({ valid_from: '2027-01-02', valid_to: '2027-01-01' }), 422, 'tax-invalid', '/valid_to'],
  [13, 'tax settings for no group', taxes({ exempt_groups: ['nobody'] }), 422, 'tax-invalid', '/exempt_groups/0'],
  [13, 'tax settings of another kind', taxes({ collects: 'everywhere' }), 400, 'invalid-body', '/collects'],
  [15, 'tax tried in another currency', tryTaxes({ lines: [{ amount: { amount: 1, currency: 'USD' } }] }), 422, 'currency-mismatch'],
  [13, 'tax tried for nobody', tryTaxes({ customer_id: NOWHERE }), 404, 'not-found'],
  [15, 'shipping tried in another currency', tryShipping({ subtotal: { amount: 1, currency: 'USD' } }), 422, 'currency-mismatch'],
  [86, 'shipping tried with a fact of nobody', tryShipping({ facts: { weather: 'sun' } }), 422, 'shipping-invalid', '/facts/weather'],
  [
    86,
    'shipping tried with a fact of another type',
    tryShipping({ facts: { 'cart.tags': 'a' } }),
    422,
    'shipping-invalid',
    '/facts/cart.tags',
  ],
  [13, 'a zone of nowhere', zone({ places: [] }), 400, 'invalid-body', '/places'],
  [13, 'a zone of no country', zone({ places: [{ country: 'XX' }] }), 422, 'shipping-invalid', '/places/0/country'],
  [1, 'shipping for -1', method({ rate: { type: 'flat', amount: { ...EURO, amount: -1 } } }), 422, 'amount-out-of-range'],
  [5, 'shipping for 10^12 + 1', method({ rate: { type: 'flat', amount: { ...EURO, amount: 1e12 + 1 } } }), 422, 'amount-out-of-range'],
  [
    15,
    'shipping in another currency',
    method({ free_from: { amount: 1, currency: 'USD' } }),
    422,
    'currency-mismatch',
    '/free_from/currency',
  ],
  [
    16,
    'shipping by -1 g',
    method({ rate: { type: 'by_weight', steps: [{ from_grams: -1, amount: EURO }] } }),
    422,
    'quantity-out-of-range',
  ],
  [13, 'shipping by a rate of another kind', method({ rate: { type: 'by_mood', amount: EURO } }), 400, 'invalid-body'],
  [13, 'shipping by two prices at one weight', method({ rate: { type: 'by_weight', steps } }), 422, 'shipping-invalid', '/rate/steps/1'],
  [13, 'shipping in no zone', method({ zone_ids: [NOWHERE] }), 422, 'shipping-invalid', '/zone_ids/0'],
  [86, 'shipping by a fact of nobody', method({ conditions: { all: [weather] } }), 422, 'rule-invalid', '/conditions/all/0/fact'],
  [87, 'shipping by a path into a fact', method({ conditions: { all: [path] } }), 422, 'rule-invalid', '/conditions/all/0/path'],
  [88, 'shipping by a pattern that explodes', method({ conditions: { all: [evil] } }), 422, 'unsafe-pattern'],
  [86, 'shipping by conditions that are a list', method({ conditions: [] }), 400, 'invalid-body', '/conditions'],
]
