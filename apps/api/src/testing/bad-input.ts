import type { InjectOptions } from 'fastify'
import type { Ground } from './ground.ts'

export interface BadInput {
  /** The number in the catalogue of bad input. */
  item: number
  name: string
  request: (ground: Ground) => InjectOptions & { host?: string; token?: string }
  status: number
  /** The slug of the problem; none for what is taken. */
  type?: string
  /** Where the first of `errors` points. */
  pointer?: string
}

type Case = [item: number, name: string, request: BadInput['request'], status: number, type?: string, pointer?: string]

const NOWHERE = '00000000-0000-7000-8000-000000000000'
const cartHeaders = (ground: Ground) => ({ 'cart-token': ground.cart.token })
let keys = 0
const freshKey = () => ({ 'idempotency-key': `bad-input-${++keys}` })

const addLine =
  (quantity: unknown, more: object = {}) =>
  (ground: Ground) => ({
    method: 'POST' as const,
    url: `/v1/carts/${ground.cart.id}/lines`,
    headers: { ...cartHeaders(ground), 'content-type': 'application/json' },
    payload: `{"variant_id":"${ground.variantId}","quantity":${quantity}${Object.entries(more)
      .map(([key, value]) => `,${JSON.stringify(key)}:${JSON.stringify(value)}`)
      .join('')}}`,
  })
const changePrice =
  (amount: string, currency = '"EUR"') =>
  (ground: Ground) => ({
    method: 'PATCH' as const,
    url: `/v1/admin/variants/${ground.variantId}`,
    token: ground.shop.token,
    headers: { 'content-type': 'application/json' },
    payload: `{"price":{"amount":${amount},"currency":${currency}}}`,
  })
const newProduct = (fields: object) => (ground: Ground) => ({
  method: 'POST' as const,
  url: '/v1/admin/products',
  token: ground.shop.token,
  payload: { title: 'Cup', variants: [{ price: { amount: 100, currency: 'EUR' } }], ...fields },
})
const rawCart =
  (payload: string | Buffer, headers: Record<string, string> = {}) =>
  () => ({
    method: 'POST' as const,
    url: '/v1/carts',
    headers: { 'content-type': 'application/json', ...headers },
    payload,
  })
const settings = (payload: object) => (ground: Ground) => ({
  method: 'PATCH' as const,
  url: '/v1/admin/settings',
  token: ground.shop.token,
  payload,
})
const checkout =
  (
    headers: Record<string, string | string[]>,
    cart: (ground: Ground) => { id: string; token: string } = (ground) => ground.cart,
    payload: object = { payment_method: 'invoice' },
  ) =>
  (ground: Ground) => ({
    method: 'POST' as const,
    url: `/v1/carts/${cart(ground).id}/checkout`,
    headers: { 'cart-token': cart(ground).token, ...headers },
    payload,
  })
const get = (url: string | ((ground: Ground) => string)) => (ground: Ground) => ({ url: typeof url === 'string' ? url : url(ground) })
const staffGet = (url: string | ((ground: Ground) => string)) => (ground: Ground) => ({ ...get(url)(ground), token: ground.shop.token })
const getCart = (id: string) => (ground: Ground) => ({ url: `/v1/carts/${id}`, headers: cartHeaders(ground) })

const MONEY: Case[] = [
  [1, 'a price of -1', changePrice('-1'), 422, 'amount-out-of-range', '/price/amount'],
  [3, 'a price of 10.5', changePrice('10.5'), 400, 'invalid-body', '/price/amount'],
  [4, 'a price as text', changePrice('"10"'), 400, 'invalid-body', '/price/amount'],
  [5, 'a price no double holds', changePrice('9007199254740993'), 422, 'amount-out-of-range', '/price/amount'],
  [5, 'a price of 10^12 + 1', changePrice('1000000000001'), 422, 'amount-out-of-range', '/price/amount'],
  [6, 'a price of 1e400', changePrice('1e400'), 400, 'invalid-json'],
  [6, 'a price of NaN', changePrice('NaN'), 400, 'invalid-json'],
  [6, 'a price of Infinity', changePrice('Infinity'), 400, 'invalid-json'],
  [7, 'a price of 1E2', changePrice('1E2'), 400, 'invalid-body', '/price/amount'],
  [7, 'a price of 1.0', changePrice('1.0'), 400, 'invalid-body', '/price/amount'],
  [7, 'a price of -0', changePrice('-0'), 400, 'invalid-body', '/price/amount'],
  [9, 'a currency in small letters', changePrice('1', '"eur"'), 422, 'currency-unsupported', '/price/currency'],
  [15, 'a price in another currency', changePrice('1', '"USD"'), 422, 'currency-mismatch', '/price/currency'],
  [13, 'a tax of 100.0001 %', settings({ tax_rate_percent: '100.0001' }), 422, 'percentage-out-of-range', '/tax_rate_percent'],
  [13, 'a tax of -5 %', settings({ tax_rate_percent: '-5' }), 422, 'percentage-out-of-range', '/tax_rate_percent'],
]

const QUANTITIES: Case[] = [
  [16, 'a quantity of 0', addLine(0), 422, 'quantity-out-of-range', '/quantity'],
  [16, 'a quantity of -1', addLine(-1), 422, 'quantity-out-of-range', '/quantity'],
  [16, 'a quantity of 1.5', addLine(1.5), 422, 'quantity-out-of-range', '/quantity'],
  [16, 'a quantity of 2^31', addLine(2 ** 31), 422, 'quantity-out-of-range', '/quantity'],
  [16, 'a quantity of 2^53 + 2', addLine('9007199254740994'), 422, 'quantity-out-of-range', '/quantity'],
  [16, 'a quantity as text', addLine('"1"'), 400, 'invalid-body', '/quantity'],
  [
    16,
    'a stock change of 0',
    (ground) => ({
      method: 'POST',
      url: `/v1/admin/stock/${ground.variantId}/adjustments`,
      token: ground.shop.token,
      headers: freshKey(),
      payload: { change: 0 },
    }),
    422,
    'quantity-out-of-range',
    '/change',
  ],
  [
    17,
    '1,501 lines',
    (ground) => ({
      method: 'POST',
      url: '/v1/carts',
      payload: { lines: Array.from({ length: 1_501 }, () => ({ variant_id: ground.variantId, quantity: 1 })) },
    }),
    422,
    'too-many-lines',
  ],
  [19, 'more than there is', addLine(5_000), 409, 'insufficient-stock'],
]

const IDS: Case[] = [
  [20, "another merchant's product", staffGet((ground) => `/v1/admin/products/${ground.foreign.productId}`), 404, 'not-found'],
  [
    20,
    "another merchant's variant",
    (ground) => ({ ...addLine(1)(ground), payload: { variant_id: ground.foreign.variantId, quantity: 1 } }),
    404,
    'not-found',
  ],
  [
    20,
    "another merchant's order, with its token",
    (ground) => ({ url: `/v1/orders/${ground.foreign.order.id}`, headers: { 'order-token': ground.foreign.order.token } }),
    404,
    'not-found',
  ],
  [
    20,
    "another merchant's cart, with its token",
    (ground) => ({ url: `/v1/carts/${ground.foreign.cart.id}`, headers: { 'cart-token': ground.foreign.cart.token } }),
    404,
    'not-found',
  ],
  [20, "another merchant's order, as staff", staffGet((ground) => `/v1/admin/orders/${ground.foreign.order.id}`), 404, 'not-found'],
  [20, 'an unknown product', staffGet(`/v1/admin/products/${NOWHERE}`), 404, 'not-found'],
  [
    21,
    'the id of a product as a variant',
    (ground) => ({ ...addLine(1)(ground), payload: { variant_id: ground.productId, quantity: 1 } }),
    404,
    'not-found',
  ],
  [21, 'the id of an order as a product', staffGet((ground) => `/v1/admin/products/${ground.order.id}`), 404, 'not-found'],
  [
    21,
    'the token of an order for a cart',
    (ground) => ({ url: `/v1/carts/${ground.cart.id}`, headers: { 'cart-token': ground.order.token } }),
    404,
    'not-found',
  ],
  [22, 'an id in capitals', (ground) => getCart(ground.cart.id.toUpperCase())(ground), 400, 'invalid-id'],
  [22, 'an id in braces', (ground) => getCart(`%7B${ground.cart.id}%7D`)(ground), 400, 'invalid-id'],
  [22, 'an id without hyphens', (ground) => getCart(ground.cart.id.replaceAll('-', ''))(ground), 400, 'invalid-id'],
  [23, 'an id with a NUL', (ground) => getCart(`${ground.cart.id}%00`)(ground), 400, 'invalid-id'],
  [23, 'an id that climbs', getCart('..%2f..%2fetc%2fpasswd'), 400, 'invalid-id'],
  [23, 'an id of 300 letters', getCart('a'.repeat(300)), 400, 'invalid-id'],
  [23, 'an id of 10 kB', getCart('a'.repeat(10_000)), 414, 'url-too-long'],
  [23, 'a handle with a NUL', get('/v1/products/cup%00'), 400, 'invalid-id'],
  [23, 'a handle that climbs', get('/v1/products/..%2f..%2fcup'), 400, 'invalid-id'],
  [24, '__proto__ as an id', getCart('__proto__'), 400, 'invalid-id'],
  [24, 'constructor as an id', getCart('constructor'), 400, 'invalid-id'],
  [24, '__proto__ as a handle', get('/v1/products/__proto__'), 404, 'not-found'],
  [25, '-1 as an id', getCart('-1'), 400, 'invalid-id'],
  [25, '2^63 as an id', getCart('9223372036854775808'), 400, 'invalid-id'],
  [
    22,
    'an id in capitals in a body',
    (ground) => ({ ...addLine(1)(ground), payload: { variant_id: ground.variantId.toUpperCase(), quantity: 1 } }),
    400,
    'invalid-id',
    '/variant_id',
  ],
]

const TEXTS: Case[] = [
  [26, 'NUL in a title', newProduct({ title: 'a\u0000b' }), 422, 'invalid-text', '/title'],
  [26, 'NUL in a description', newProduct({ description_html: 'a\u0000b' }), 422, 'invalid-text', '/description_html'],
  [
    26,
    'NUL in a name in an address',
    (ground) => ({
      method: 'PATCH',
      url: `/v1/carts/${ground.cart.id}`,
      headers: cartHeaders(ground),
      payload: { shipping_address: { name: 'a\u0000', line1: 'x', city: 'x', country: 'DE' } },
    }),
    422,
    'invalid-text',
    '/shipping_address/name',
  ],
  [
    26,
    'NUL in a note',
    (ground) => ({
      method: 'POST',
      url: `/v1/admin/stock/${ground.variantId}/adjustments`,
      token: ground.shop.token,
      headers: freshKey(),
      payload: { change: 1, reason: '\u0000' },
    }),
    422,
    'invalid-text',
    '/reason',
  ],
  [
    27,
    'a lone surrogate',
    (ground) => ({
      ...newProduct({})(ground),
      headers: { 'content-type': 'application/json' },
      payload: String.raw`{"title":"a\ud800b","variants":[{"price":{"amount":1,"currency":"EUR"}}]}`,
    }),
    422,
    'invalid-text',
    '/title',
  ],
  [
    27,
    'a lone surrogate in a name of a setting',
    (ground) => ({ ...settings({})(ground), headers: { 'content-type': 'application/json' }, payload: String.raw`{"name":"a\udc00b"}` }),
    422,
    'invalid-text',
    '/name',
  ],
  [28, 'the same handle in two normal forms', newProduct({ handle: 'cafe\u0301' }), 409, 'duplicate', '/handle'],
  [29, 'a right-to-left override', newProduct({ title: 'a\u202egpj.exe' }), 422, 'invalid-text', '/title'],
  [29, 'a zero-width space', newProduct({ title: 'a\u200bb' }), 422, 'invalid-text', '/title'],
  [29, 'tag characters', newProduct({ title: 'a\u{e0041}\u{e0042}' }), 422, 'invalid-text', '/title'],
  [
    29,
    'a zero-width space in the name of a key',
    (ground) => ({
      method: 'POST',
      url: '/v1/admin/api-keys',
      token: ground.shop.token,
      payload: { name: 'a\u200bb', scopes: ['orders:read'] },
    }),
    422,
    'invalid-text',
    '/name',
  ],
  [31, '100 kB of accents', newProduct({ title: `a${'\u0301'.repeat(50_000)}` }), 422, 'text-too-long', '/title'],
  [31, 'a title of 256 letters', newProduct({ title: 'a'.repeat(256) }), 422, 'text-too-long', '/title'],
]

const JSON_AND_HTTP: Case[] = [
  [33, '65 levels', rawCart('['.repeat(65) + ']'.repeat(65)), 400, 'json-too-deep'],
  [33, '400,000 levels', rawCart('['.repeat(400_000) + ']'.repeat(400_000)), 400, 'json-too-deep'],
  [34, 'a body over 1 MiB', rawCart(JSON.stringify({ email: 'a'.repeat(1024 * 1024) })), 413, 'body-too-large'],
  [35, 'a key twice', rawCart('{"email":"a@b.example","email":"c@d.example"}'), 400, 'duplicate-key', '/email'],
  [36, '__proto__', rawCart('{"__proto__":{"total":0}}'), 400, 'invalid-json'],
  [36, 'constructor.prototype', rawCart('{"constructor":{"prototype":{"total":0}}}'), 400, 'invalid-json'],
  [36, '__proto__ in the query', get('/v1/products?__proto__=1'), 400, 'unknown-parameter'],
  [37, '100,000 keys', rawCart(`{${Array.from({ length: 100_000 }, (_, n) => `"${n}":0`).join(',')}}`), 400, 'json-too-many-keys'],
  [38, 'a total of its own', rawCart('{"total":0}'), 400, 'unknown-field', '/total'],
  [38, 'a price of its own', addLine(1, { unit_price: { amount: 1, currency: 'EUR' } }), 400, 'unknown-field', '/unit_price'],
  [38, 'the merchant of a product', newProduct({ merchant_id: NOWHERE }), 400, 'unknown-field', '/merchant_id'],
  [38, 'the currency of a shop', settings({ currency: 'USD' }), 400, 'unknown-field', '/currency'],
  [
    38,
    'a body where none belongs',
    (ground) => ({ method: 'POST', url: `/v1/admin/dead-jobs/${NOWHERE}/retry`, token: ground.shop.token, payload: { attempts: 100 } }),
    400,
    'unknown-field',
  ],
  [39, 'a comma too many', rawCart('{"email":"a@b.example",}'), 400, 'invalid-json'],
  [39, 'a comment', rawCart('{/* */}'), 400, 'invalid-json'],
  [39, 'a byte order mark', rawCart('\ufeff{}'), 400, 'invalid-json'],
  [39, 'no body', (ground) => ({ method: 'PATCH', url: `/v1/carts/${ground.cart.id}`, headers: cartHeaders(ground) }), 400, 'invalid-body'],
  [39, 'an empty body', rawCart(''), 400, 'invalid-json'],
  [40, 'text/plain', rawCart('{}', { 'content-type': 'text/plain' }), 415, 'unsupported-media-type'],
  [40, 'a form', rawCart('a=b', { 'content-type': 'application/x-www-form-urlencoded' }), 415, 'unsupported-media-type'],
  [40, 'multipart', rawCart('--x--', { 'content-type': 'multipart/form-data; boundary=x' }), 415, 'unsupported-media-type'],
  [40, 'JSON in UTF-16', rawCart('{}', { 'content-type': 'application/json; charset=utf-16' }), 415, 'unsupported-media-type'],
  [40, 'another kind of JSON', rawCart('{}', { 'content-type': 'application/merge-patch+json' }), 415, 'unsupported-media-type'],
  [40, 'CSV where JSON belongs', rawCart('a,b', { 'content-type': 'text/csv' }), 415, 'unsupported-media-type'],
  [41, 'a compressed body', rawCart(Buffer.from([0x1f, 0x8b]), { 'content-encoding': 'gzip' }), 415, 'unsupported-media-type'],
  [44, 'an unknown host', () => ({ host: 'nobody.localhost', url: '/v1/products' }), 421, 'misdirected'],
  [
    44,
    "another merchant's host by way of a proxy header",
    (ground) => ({ url: '/v1/admin/me', token: ground.other.token, headers: { 'x-forwarded-host': ground.other.host } }),
    401,
    'invalid-token',
  ],
  [48, 'PUT', () => ({ method: 'PUT', url: '/v1/products' }), 405, 'method-not-allowed'],
  [48, 'a method in a header', () => ({ url: '/v1/products', headers: { 'x-http-method-override': 'DELETE' } }), 405, 'method-not-allowed'],
  [49, 'limit twice', get('/v1/products?limit=1&limit=2'), 400, 'duplicate-parameter', '/querystring/limit'],
  [49, 'a parameter in brackets', get('/v1/products?a[b]=1'), 400, 'duplicate-parameter'],
  [49, 'an unknown parameter', get('/v1/products?sort=price'), 400, 'unknown-parameter', '/querystring/sort'],
  [49, 'a parameter where none belongs', get('/v1/store?x=1'), 400, 'unknown-parameter'],
  [50, 'a half escape in the path', get('/v1/products/%zz'), 400, 'bad-url'],
  [50, 'a half escape in the query', get('/v1/products?cursor=%zz'), 400, 'bad-url'],
]

const CREDENTIALS: Case[] = [
  [58, "another merchant's token", (ground) => ({ url: '/v1/admin/me', token: ground.other.token }), 401, 'invalid-token'],
  [
    58,
    "another merchant's token and X-Merchant-Id",
    (ground) => ({ url: '/v1/admin/me', token: ground.other.token, headers: { 'x-merchant-id': ground.other.merchant.id } }),
    400,
    'merchant-mismatch',
  ],
  [
    62,
    'an API key nobody made',
    (ground) => ({ url: '/v1/admin/me', token: `souk_${ground.keyId.replaceAll('-', '')}_${'A'.repeat(43)}` }),
    401,
    'invalid-api-key',
  ],
  [63, 'a scope that is missing', (ground) => ({ url: '/v1/admin/settings', token: ground.readOnlyKey }), 403, 'insufficient-scope'],
  [
    63,
    'a scope to write that is missing',
    (ground) => ({ ...newProduct({})(ground), token: ground.readOnlyKey }),
    403,
    'insufficient-scope',
  ],
]

const IDEMPOTENCY: Case[] = [
  [64, 'no key for an order', checkout({}), 400, 'idempotency-key-missing'],
  [
    64,
    'no key for a stock change',
    (ground) => ({
      method: 'POST',
      url: `/v1/admin/stock/${ground.variantId}/adjustments`,
      token: ground.shop.token,
      payload: { change: 1 },
    }),
    400,
    'idempotency-key-missing',
  ],
  [65, 'a key of 256 letters', checkout({ 'idempotency-key': 'a'.repeat(256) }), 400, 'idempotency-key-invalid'],
  [65, 'a key in another script', checkout({ 'idempotency-key': 'schl\u00fcssel' }), 400, 'idempotency-key-invalid'],
  [65, 'an empty key', checkout({ 'idempotency-key': '' }), 400, 'idempotency-key-invalid'],
  [65, 'an empty key in quotes', checkout({ 'idempotency-key': '""' }), 400, 'idempotency-key-invalid'],
  [65, 'half a quote', checkout({ 'idempotency-key': '"abc' }), 400, 'idempotency-key-invalid'],
  [65, 'two keys', checkout({ 'idempotency-key': ['a', 'b'] }), 400, 'idempotency-key-invalid'],
  [
    69,
    'a replay without the token of the cart',
    (ground) => ({
      ...checkout({ 'idempotency-key': 'ground' }, () => ground.orderedCart)(ground),
      headers: { 'idempotency-key': 'ground', 'cart-token': 'x.y' },
    }),
    404,
    'not-found',
  ],
]

const LISTS: Case[] = [
  [86, 'SQL as a sort', get('/v1/products?sort=id;drop'), 400, 'unknown-parameter'],
  [86, 'SQL as a SKU', staffGet("/v1/admin/stock?sku=' or 1=1 --"), 200],
  [93, 'a cursor of one letter', get('/v1/products?cursor=x'), 400, 'invalid-cursor'],
  [
    93,
    "another merchant's cursor",
    get((ground) => `/v1/products?cursor=${encodeURIComponent(ground.foreign.cursor)}`),
    400,
    'invalid-cursor',
  ],
  [
    93,
    'an edited cursor',
    get((ground) => `/v1/products?cursor=${encodeURIComponent(`A${ground.foreign.cursor.slice(1)}`)}`),
    400,
    'invalid-cursor',
  ],
  [93, 'an empty cursor', get('/v1/products?cursor='), 400, 'invalid-cursor'],
  [
    93,
    'the cursor of another list',
    staffGet((ground) => `/v1/admin/products?cursor=${encodeURIComponent(ground.foreign.cursor)}`),
    400,
    'invalid-cursor',
  ],
  [93, 'events after something that is no number', staffGet('/v1/admin/events?after=x'), 400, 'invalid-cursor'],
  [94, 'a limit of 0', get('/v1/products?limit=0'), 400, 'invalid-limit', '/querystring/limit'],
  [94, 'a limit of -1', get('/v1/products?limit=-1'), 400, 'invalid-limit'],
  [94, 'a limit of 101', get('/v1/products?limit=101'), 400, 'invalid-limit'],
  [94, 'a limit of 10^9', get('/v1/products?limit=1000000000'), 400, 'invalid-limit'],
  [94, 'a limit of 1e1', get('/v1/products?limit=1e1'), 400, 'invalid-limit'],
]

const key = (expires: string) => (ground: Ground) => ({
  method: 'POST' as const,
  url: '/v1/admin/api-keys',
  token: ground.shop.token,
  payload: { name: 'k', scopes: ['orders:read'], expires_at: expires },
})

const TIMES_AND_STATES: Case[] = [
  [95, 'infinity as a time', key('infinity'), 400, 'invalid-timestamp', '/expires_at'],
  [95, 'the year -100000', key('-100000-01-01T00:00:00Z'), 400, 'invalid-timestamp'],
  [95, 'the 30th of February', key('2027-02-30T00:00:00Z'), 400, 'invalid-timestamp'],
  [95, 'a time without an offset', key('2027-01-01T00:00:00'), 400, 'invalid-timestamp'],
  [99, 'a cart ordered twice', checkout(freshKey(), (ground) => ground.orderedCart), 409, 'invalid-state'],
  [
    99,
    'an ordered cart changed',
    (ground) => ({
      method: 'PATCH',
      url: `/v1/carts/${ground.orderedCart.id}`,
      headers: { 'cart-token': ground.orderedCart.token },
      payload: { email: 'x@y.example' },
    }),
    409,
    'invalid-state',
  ],
  [99, 'an empty cart ordered', checkout(freshKey(), (ground) => ground.emptyCart), 422, 'cart-empty'],
  [99, 'an unknown way to pay', checkout(freshKey(), undefined, { payment_method: 'bitcoin' }), 400, 'invalid-body', '/payment_method'],
  [
    99,
    'another total than expected',
    checkout(freshKey(), undefined, { payment_method: 'invoice', expected_total: { amount: 1, currency: 'EUR' } }),
    409,
    'total-changed',
  ],
]

/** The catalogue of bad input, as far as there are routes for it: each with its exact status and type. */
export const BAD_INPUT: BadInput[] = [MONEY, QUANTITIES, IDS, TEXTS, JSON_AND_HTTP, CREDENTIALS, IDEMPOTENCY, LISTS, TIMES_AND_STATES]
  .flat()
  .map(([item, name, request, status, type, pointer]) => ({
    item,
    name,
    request,
    status,
    ...(type && { type }),
    ...(pointer !== undefined && { pointer }),
  }))
