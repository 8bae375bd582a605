import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiMerchant, createTestApi, type TestApi } from './testing/api.ts'
import { checkProblem } from './testing/contract.ts'
import { parseAnswer, sendRaw } from './testing/raw-socket.ts'

// What only a real socket shows: the HTTP parser's own refusals, and what it lets through.

let api: TestApi
let shop: ApiMerchant
let port: number

beforeAll(async () => {
  api = await createTestApi({ bodyTimeoutMs: 3_000 })
  shop = await api.addMerchant()
  await api.app.listen({ host: '127.0.0.1', port: 0 })
  port = (api.app.server.address() as AddressInfo).port
})
afterAll(() => api.close())

async function answerTo(bytes: string): Promise<string> {
  const answer = parseAnswer(await sendRaw(port, bytes))
  if (answer.status < 400) return String(answer.status)
  checkProblem(answer)
  expect(answer.headers['request-id']).toMatch(/^[0-9a-f-]{36}$/)
  return `${answer.status} ${answer.body.type.split('/').at(-1)}`
}

const get = (path: string, headers = '', host = shop.host) => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${headers}\r\n`
const post = (body: string, headers: string) =>
  `POST /v1/carts HTTP/1.1\r\nHost: ${shop.host}\r\nConnection: close\r\n${headers}\r\n\r\n${body}`
const JSON_TYPE = 'Content-Type: application/json'

describe('on the wire', () => {
  it('a plain request is answered', async () => {
    expect(await answerTo(get('/v1/store'))).toBe('200')
    expect(await answerTo(post('{}', `${JSON_TYPE}\r\nContent-Length: 2`))).toBe('201')
    expect(await answerTo(post('2\r\n{}\r\n0\r\n\r\n', `${JSON_TYPE}\r\nTransfer-Encoding: chunked`))).toBe('201')
  })

  it.each([
    ['two Host headers', () => get('/v1/store', `Host: other.localhost\r\n`), '400 bad-host'],
    ['two equal Host headers', () => get('/v1/store', `Host: ${shop.host}\r\n`), '400 bad-host'],
    ['no Host', () => 'GET /v1/store HTTP/1.1\r\nConnection: close\r\n\r\n', '400 bad-host'],
    ['an empty Host', () => get('/v1/store', '', ''), '400 bad-host'],
    ['no Host in HTTP/1.0', () => 'GET /v1/store HTTP/1.0\r\n\r\n', '400 bad-host'],
    ['an absolute target at another host', () => get('http://other.localhost/v1/store'), '400 bad-host'],
    ['an absolute target at this host', () => get(`http://${shop.host}/v1/store`), '200'],
    ['a target that is no path', () => get('store'), '400 bad-request'],
    ['two Authorization headers', () => get('/v1/admin/me', 'Authorization: Bearer a\r\nAuthorization: Bearer b\r\n'), '400 bad-request'],
    [
      'two Idempotency-Keys',
      () => post('{}', `${JSON_TYPE}\r\nContent-Length: 2\r\nIdempotency-Key: a\r\nIdempotency-Key: b`),
      '400 idempotency-key-invalid',
    ],
    ['two Content-Types', () => post('{}', `${JSON_TYPE}\r\n${JSON_TYPE}\r\nContent-Length: 2`), '400 bad-request'],
    ['two Cart-Tokens', () => get('/v1/carts/x', 'Cart-Token: a\r\nCart-Token: b\r\n'), '400 bad-request'],
    ['two lengths', () => post('{}', `${JSON_TYPE}\r\nContent-Length: 2\r\nContent-Length: 3`), '400 bad-request'],
    [
      'a length and chunks',
      () => post('2\r\n{}\r\n0\r\n\r\n', `${JSON_TYPE}\r\nContent-Length: 2\r\nTransfer-Encoding: chunked`),
      '400 bad-request',
    ],
    ['a chunk of no number', () => post('zz\r\n{}\r\n0\r\n\r\n', `${JSON_TYPE}\r\nTransfer-Encoding: chunked`), '400 bad-request'],
    ['a negative length', () => post('{}', `${JSON_TYPE}\r\nContent-Length: -2`), '400 bad-request'],
    ['an unknown coding', () => post('{}', `${JSON_TYPE}\r\nTransfer-Encoding: gzip`), '400 bad-request'],
    ['a folded header', () => get('/v1/store', 'X-A: b\r\n c\r\n'), '400 bad-request'],
    ['a header without a colon', () => get('/v1/store', 'nonsense\r\n'), '400 bad-request'],
    ['a space before the colon', () => get('/v1/store', 'X-A : b\r\n'), '400 bad-request'],
    ['a bare line feed in a header', () => get('/v1/store', 'X-A: b\nX-C: d\r\n'), '400 bad-request'],
    ['a NUL in a header', () => get('/v1/store', 'X-A: b\0c\r\n'), '400 bad-request'],
    ['17 kB of headers', () => get('/v1/store', `X-A: ${'a'.repeat(17 * 1024)}\r\n`), '431 headers-too-large'],
    ['a token of 100 kB', () => get('/v1/admin/me', `Authorization: Bearer ${'a'.repeat(100 * 1024)}\r\n`), '431 headers-too-large'],
    ['TRACE', () => get('/v1/store').replace('GET', 'TRACE'), '405 method-not-allowed'],
    ['a method that nobody knows', () => get('/v1/store').replace('GET', 'FOO'), '405 method-not-allowed'],
    ['a method in small letters', () => get('/v1/store').replace('GET', 'get'), '400 bad-request'],
    [
      'a method in a header',
      () => post('{}', `${JSON_TYPE}\r\nContent-Length: 2\r\nX-HTTP-Method-Override: DELETE`),
      '405 method-not-allowed',
    ],
    ['another protocol', () => 'SSH-2.0-OpenSSH_9.2\r\n\r\n', '400 bad-request'],
    ['a TLS greeting', () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', '400 bad-request'],
    ['HTTP/9.9', () => get('/v1/store').replace('HTTP/1.1', 'HTTP/9.9'), '400 bad-request'],
    ['a half escape in the path', () => get('/v1/products/%E0%A4%A'), '400 bad-url'],
    ['a half escape in the query', () => get('/v1/products?cursor=%zz'), '400 bad-url'],
    ['an id of 10 kB', () => get(`/v1/carts/${'a'.repeat(10_000)}`, 'Cart-Token: x\r\n'), '414 url-too-long'],
    ['a raw space in the path', () => get('/v1/pro ducts'), '400 bad-request'],
    ['a type with a tab in it', () => post('{}', 'Content-Type: application/json\ta\r\nContent-Length: 2'), '415 unsupported-media-type'],
    ['more after the last request', () => post('{}{}', `${JSON_TYPE}\r\nContent-Length: 2`), '400 bad-request'],
  ])('%s', async (_name, bytes, expected) => {
    expect(await answerTo(bytes())).toBe(expected)
  })

  it('a body that does not arrive is waited for, but not for ever', async () => {
    expect(await answerTo(post('{', `${JSON_TYPE}\r\nContent-Length: 100`))).toBe('408 request-timeout')
  })

  it('headers that do not arrive are waited for, but not for ever', async () => {
    const { headersTimeout, requestTimeout, timeout, keepAliveTimeout } = api.app.server
    expect({ headersTimeout, requestTimeout, timeout, keepAliveTimeout }).toEqual({
      headersTimeout: 10_000,
      requestTimeout: 300_000,
      timeout: 60_000,
      keepAliveTimeout: 65_000,
    })
    api.app.server.headersTimeout = 500
    expect(await answerTo('GET /v1/store HTTP/1.1\r\nHost: a')).toBe('408 request-timeout')
    api.app.server.headersTimeout = headersTimeout
  })

  it('a body of more than 1 MiB is refused by its length, and by its bytes', async () => {
    const text = JSON.stringify({ a: 'a'.repeat(1024 * 1024) })
    expect(await answerTo(post(text, `${JSON_TYPE}\r\nContent-Length: ${text.length}`))).toBe('413 body-too-large')
    expect(await answerTo(post(`${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`, `${JSON_TYPE}\r\nTransfer-Encoding: chunked`))).toBe(
      '413 body-too-large',
    )
  })

  it('a request hidden behind another is a request of its own, checked like any', async () => {
    const hidden = `GET /v1/admin/me HTTP/1.1\r\nHost: ${shop.host}\r\nConnection: close\r\n\r\n`
    const both = `POST /v1/carts HTTP/1.1\r\nHost: ${shop.host}\r\n${JSON_TYPE}\r\nContent-Length: 2\r\n\r\n{}${hidden}`
    const text = await sendRaw(port, both)
    expect(text).toMatch(/^HTTP\/1\.1 201/)
  })

  it('no line of the log holds what a caller wrote, or breaks in two', async () => {
    const canary = 'canary-5f1d'
    await sendRaw(port, get(`/v1/products?cursor=${canary}`, `X-Canary: ${canary}\r\nUser-Agent: ${canary}\r\n`))
    await sendRaw(port, get(`/v1/${canary}%0d%0a{"level":"fatal"}`))
    await sendRaw(port, post(`{"email":"${canary}"}`, `${JSON_TYPE}\r\nContent-Length: 23`))
    const lines = api.log.join('')
    expect(lines).not.toContain(canary)
    for (const line of lines.trim().split('\n')) expect(JSON.parse(line)).toMatchObject({ level: expect.stringMatching(/info|error/) })
    const last = JSON.parse(api.log.findLast((line) => line.includes('"route"'))!)
    expect(Object.keys(last).sort()).toEqual(['level', 'merchant_id', 'method', 'ms', 'problem', 'request_id', 'route', 'status', 'time'])
  })
})
