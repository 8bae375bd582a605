import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CarrierClient } from './carrier-client.ts'

const manifest = {
  hosts: [{ host: 'api.lockers.example', methods: ['POST', 'GET'] }],
  secrets: { api_key: { title: 'Key', hosts: ['api.lockers.example'] } },
}
const request = {
  host: 'api.lockers.example',
  method: 'POST' as const,
  path: '/v1/shipments',
  headers: { authorization: 'Bearer {{secrets.api_key}}', 'content-type': 'application/json' },
  body: '{"size":"S"}',
  accepts: 'text' as const,
}

let server: Server
let seen: { url: string | undefined; headers: Record<string, unknown>; body: string }[]
let client: CarrierClient
let hasty: CarrierClient
let answer: { status: number; headers?: Record<string, string>; body: string | Buffer; delayMs?: number }

beforeAll(async () => {
  seen = []
  server = createServer(async (incoming, reply) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    seen.push({ url: incoming.url, headers: incoming.headers, body: Buffer.concat(chunks).toString() })
    setTimeout(() => reply.writeHead(answer.status, answer.headers).end(answer.body), answer.delayMs ?? 0)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  client = new CarrierClient({ redirectedHosts: { 'api.lockers.example': `http://127.0.0.1:${port}` }, timeoutMs: 60_000 })
  hasty = new CarrierClient({ redirectedHosts: { 'api.lockers.example': `http://127.0.0.1:${port}` }, timeoutMs: 100 })
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

describe('CarrierClient', () => {
  it('sends what the plugin wrote, with the secret filled in, and shows the plugin a part of the answer', async () => {
    answer = { status: 201, headers: { 'content-type': 'application/json', 'set-cookie': 'a=b', 'x-trace': '7' }, body: '{"id":"L1"}' }
    const { response } = await client.perform({ manifest, request, secrets: { api_key: 'geheim' } })
    expect(seen.at(-1)).toMatchObject({
      url: '/v1/shipments',
      body: '{"size":"S"}',
      headers: { authorization: 'Bearer geheim', host: 'api.lockers.example' },
    })
    expect(response).toEqual({
      status: 201,
      headers: { 'content-type': 'application/json', 'x-trace': '7' },
      body: '{"id":"L1"}',
      body_bytes: 11,
    })
  })

  it('keeps the bytes of a document from the plugin', async () => {
    answer = { status: 200, headers: { 'content-type': 'application/pdf' }, body: Buffer.from('%PDF-1.7') }
    const { response, bytes } = await client.perform({ manifest, request: { ...request, accepts: 'document' }, secrets: { api_key: 'x' } })
    expect(response).toMatchObject({ status: 200, body: null, body_bytes: 8 })
    expect(Buffer.from(bytes).toString()).toBe('%PDF-1.7')
  })

  it('does not follow a redirect', async () => {
    answer = { status: 302, headers: { location: 'http://169.254.169.254/latest' }, body: '' }
    const before = seen.length
    const { response } = await client.perform({ manifest, request, secrets: { api_key: 'x' } })
    expect(response).toMatchObject({ status: 302, headers: { location: 'http://169.254.169.254/latest' } })
    expect(seen.length).toBe(before + 1)
  })

  it('answers status 0 when nothing came in time, or too much', async () => {
    answer = { status: 200, body: '', delayMs: 5_000 }
    expect((await hasty.perform({ manifest, request, secrets: { api_key: 'x' } })).response).toMatchObject({ status: 0, body: null })
    answer = { status: 200, body: Buffer.alloc(7 * 1024 * 1024) }
    expect((await client.perform({ manifest, request, secrets: { api_key: 'x' } })).response).toMatchObject({ status: 0 })
  })

  it.each([
    ['a host that is not declared', { host: 'evil.example' }],
    ['a method that is not declared', { method: 'DELETE' as const }],
    ['a path that climbs', { path: '/a/../admin' }],
    ['a header of the host', { headers: { Host: 'evil.example' } }],
    ['a secret that is not declared', { headers: { authorization: '{{secrets.other}}' } }],
  ])('refuses %s without sending anything', async (_what, change) => {
    const before = seen.length
    await expect(client.perform({ manifest, request: { ...request, ...change }, secrets: { api_key: 'x' } })).rejects.toThrow(
      'may not be made',
    )
    expect(seen.length).toBe(before)
  })

  it('never says a secret in an error', async () => {
    const given = { manifest, request, secrets: { api_key: 'ge\nheim' } }
    await expect(client.perform(given)).rejects.toThrow(expect.objectContaining({ message: expect.not.stringContaining('heim') }))
  })

  it('connects to no address that is not public, whatever a name resolves to', async () => {
    const local = { ...manifest, hosts: [{ host: 'localhost', methods: ['POST'] }], secrets: {} }
    const { response } = await new CarrierClient().perform({
      manifest: local,
      request: { ...request, host: 'localhost', headers: {} },
      secrets: {},
    })
    expect(response.status).toBe(0)
  })
})
