import { describe, expect, test } from 'vitest'
import { fillSecrets, labelOf, requestComplaints, responseForPlugin } from './carrier.ts'
import { type CarrierRequestV1, carrierRequestV1 } from './contracts/carrier-request.ts'

const manifest = {
  hosts: [
    { host: 'api.lockers.example', methods: ['GET', 'POST'] },
    { host: 'labels.lockers.example', methods: ['GET'] },
  ] as const,
  secrets: { api_key: { title: 'API key', hosts: ['api.lockers.example'] } },
}
const request: CarrierRequestV1 = {
  host: 'api.lockers.example',
  method: 'POST',
  path: '/v1/shipments',
  query: { test: 'true' },
  headers: { authorization: 'Bearer {{secrets.api_key}}', 'content-type': 'application/json' },
  body: '{"key":"{{secrets.api_key}}"}',
  accepts: 'text',
}

const complaints = (change: Partial<CarrierRequestV1>) =>
  [...requestComplaints(manifest, { ...request, ...change })].map(({ pointer, message }) => `${pointer} ${message}`)

describe('a request', () => {
  test('within the manifest may be sent', () => {
    expect(carrierRequestV1.safeParse(request).success).toBe(true)
    expect(complaints({})).toEqual([])
  })

  test.each<[string, Partial<CarrierRequestV1>, RegExp]>([
    ['to another host', { host: 'evil.example' }, /^\/host evil.example is not among/],
    ['to a host whose name only begins alike', { host: 'api.lockers.example.evil.com' }, /^\/host/],
    ['with a method that the host does not allow', { host: 'labels.lockers.example', headers: {}, body: null }, /^\/method/],
    ['that climbs', { path: '/v1/../admin' }, /climbs/],
    ['that climbs in disguise', { path: '/v1/%2e%2E/admin' }, /climbs/],
    ['with a hidden line end', { path: '/v1/%0d%0aX' }, /hides/],
    ['with a hidden slash', { path: '/v1/..%2fadmin' }, /hides/],
    ['that names its own host', { headers: { Host: 'other' } }, /written by the host alone/],
    ['with a cookie', { headers: { cookie: 'a=b' } }, /written by the host alone/],
    ['through a proxy', { headers: { 'proxy-authorization': 'x' } }, /written by the host alone/],
    ['with a body where none belongs', { method: 'GET' }, /GET has no body/],
    ['with a secret nobody declared', { body: '{{secrets.other}}' }, /other is no secret/],
    ['with a member of every object for a secret', { body: '{{secrets.constructor}}' }, /constructor is no secret/],
    ['with half a placeholder', { body: '{{secret.api_key}}' }, /names no secret/],
  ])('%s may not', (_name, change, says) => {
    expect(complaints(change).join('\n')).toMatch(says)
  })

  test('a secret stays with the hosts it was given for', () => {
    const elsewhere = { host: 'labels.lockers.example', method: 'GET', body: null } as const
    expect(complaints(elsewhere)).toEqual(['/headers/authorization api_key may not be sent to labels.lockers.example'])
  })

  test.each([
    ['an address elsewhere', { path: '//evil.example/x' }],
    ['no leading slash', { path: 'v1' }],
    ['a query in the path', { path: '/v1?x=1' }],
    ['a line end in a header', { headers: { a: 'b\r\nc: d' } }],
    ['a colon in a header name', { headers: { 'a: b': 'c' } }],
    ['a method of its own', { method: 'CONNECT' }],
  ])('with %s is none, or stays at its host', (_name, change) => {
    const read = carrierRequestV1.safeParse({ ...request, ...change })
    if (read.success) expect(new URL(fillSecrets({ ...read.data, body: null, headers: {} }, {}).url).host).toBe('api.lockers.example')
    else expect(read.success).toBe(false)
  })
})

describe('secrets', () => {
  test('are filled in where the request says, escaped for what they are in', () => {
    expect(fillSecrets(request, { api_key: 'a"b\\c' })).toEqual({
      url: 'https://api.lockers.example/v1/shipments?test=true',
      method: 'POST',
      headers: { authorization: 'Bearer a"b\\c', 'content-type': 'application/json' },
      body: '{"key":"a\\"b\\\\c"}',
    })
    const form = { ...request, headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: 'key={{ secrets.api_key }}' }
    expect(fillSecrets(form, { api_key: 'a&b=c' }).body).toBe('key=a%26b%3Dc')
    const xml = { ...request, headers: { 'content-type': 'text/xml' }, body: '<k>{{secrets.api_key}}</k>' }
    expect(fillSecrets(xml, { api_key: '</k>&' }).body).toBe('<k>&lt;/k>&amp;</k>')
  })

  test('are not expanded twice, and "$&" is not a pattern', () => {
    expect(fillSecrets(request, { api_key: '$& {{secrets.api_key}}' }).headers.authorization).toBe('Bearer $& {{secrets.api_key}}')
  })

  test('that are missing or do not fit are refused without being told', () => {
    expect(() => fillSecrets(request, {})).toThrow('the secret api_key is not set')
    expect(() => fillSecrets(request, { api_key: 'tell\r\nnobody' })).toThrow(/^the secret api_key does not fit into a header$/)
  })
})

describe('an answer', () => {
  const bytes = (text: string) => new TextEncoder().encode(text)

  test('reaches the plugin as text, with the headers that carry meaning', () => {
    const headers = { 'Content-Type': 'application/json', 'Set-Cookie': 'a=b', 'X-Request-Id': '7', Server: 'x' }
    expect(responseForPlugin({ status: 201, headers, body: bytes('{"id":1}') }, 'text')).toEqual({
      status: 201,
      headers: { 'content-type': 'application/json', 'x-request-id': '7' },
      body: '{"id":1}',
      body_bytes: 8,
    })
  })

  test('that is a document keeps its bytes with the host; what went wrong is told', () => {
    expect(responseForPlugin({ status: 200, headers: {}, body: bytes('%PDF') }, 'document')).toMatchObject({ body: null, body_bytes: 4 })
    expect(responseForPlugin({ status: 404, headers: {}, body: bytes('no label yet') }, 'document')).toMatchObject({ body: 'no label yet' })
    expect(responseForPlugin({ status: 0, headers: {}, body: bytes('') }, 'text')).toMatchObject({ body: null })
  })

  test('holds the label as its document, or as base64 somewhere in its JSON', () => {
    const ready = { outcome: 'ready', media_type: 'application/pdf' } as const
    expect(labelOf({ ...ready, from: { document: true } }, bytes('%PDF'))).toEqual(bytes('%PDF'))
    const json = bytes(JSON.stringify({ labels: [{ 'a/b': btoa('%PDF-1.7') }] }))
    expect(labelOf({ ...ready, from: { base64_at: '/labels/0/a~1b' } }, json)).toEqual(bytes('%PDF-1.7'))
    expect(labelOf({ ...ready, from: { base64_at: '/labels/1/a~1b' } }, json)).toBeUndefined()
    expect(labelOf({ ...ready, from: { base64_at: '/labels/0' } }, json)).toBeUndefined()
    expect(labelOf({ ...ready, from: { base64_at: '/x' } }, bytes('no json'))).toBeUndefined()
    expect(labelOf({ ...ready, from: { document: true } }, bytes(''))).toBeUndefined()
  })
})
