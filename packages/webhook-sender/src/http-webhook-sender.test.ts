import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { HttpWebhookSender } from './http-webhook-sender.ts'

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const WEBHOOK = {
  url: 'https://hooks.example/in?shop=1',
  id: 'one',
  body: '{"a":1}',
  secrets: [SECRET],
  headers: { authorization: 'Bearer x' },
}
const NEVER = new AbortController().signal

let server: Server
let answer: (request: IncomingMessage, response: ServerResponse) => void
let seen: { url: string | undefined; headers: Record<string, string>; body: string }[]
let senders: HttpWebhookSender[]

beforeEach(async () => {
  seen = []
  senders = []
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    seen.push({ url: request.url, headers: request.headers as Record<string, string>, body: Buffer.concat(chunks).toString() })
    answer(request, response)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
})
afterEach(() => {
  for (const sender of senders) sender.close()
  server.closeAllConnections()
  server.close()
})

function senderWith(timeoutMs = 60_000): HttpWebhookSender {
  const { port } = server.address() as AddressInfo
  const sender = new HttpWebhookSender({ redirectedHosts: { 'hooks.example': `http://127.0.0.1:${port}` }, timeoutMs })
  senders.push(sender)
  return sender
}

it('sends the body as it is, signed, with the headers that were asked for', async () => {
  answer = (_request, response) => response.writeHead(204).end()
  expect(await senderWith().send(WEBHOOK, NEVER)).toMatchObject({ statusCode: 204, failure: null, answer: '', retryAfterMs: null })
  const [{ url, headers, body }] = seen as [(typeof seen)[0]]
  expect({ url, body }).toEqual({ url: '/in?shop=1', body: WEBHOOK.body })
  expect(headers).toMatchObject({ host: 'hooks.example', authorization: 'Bearer x', 'content-type': 'application/json' })
  expect(new Webhook(SECRET).verify(body, headers)).toEqual({ a: 1 })
})

it('keeps the beginning of an answer, as text that a database can hold', async () => {
  answer = (_request, response) => response.writeHead(500).end(`\0no ${'x'.repeat(5_000)}`)
  const sent = await senderWith().send(WEBHOOK, NEVER)
  expect(sent).toMatchObject({ statusCode: 500, failure: null })
  expect(sent!.answer).toMatch(/^no x{900,997}$/)
})

it('does not follow a redirect', async () => {
  answer = (_request, response) => response.writeHead(302, { location: 'http://169.254.169.254/latest' }).end()
  expect(await senderWith().send(WEBHOOK, NEVER)).toMatchObject({ statusCode: 302 })
  expect(seen).toHaveLength(1)
})

it.each([
  ['120', 120_000],
  ['soon', null],
])('reads Retry-After %s', async (told, expected) => {
  answer = (_request, response) => response.writeHead(429, { 'retry-after': told }).end()
  expect(await senderWith().send(WEBHOOK, NEVER)).toMatchObject({ statusCode: 429, retryAfterMs: expected })
})

it('reads Retry-After as a date', async () => {
  answer = (_request, response) => response.writeHead(503, { 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() }).end()
  const sent = await senderWith().send(WEBHOOK, NEVER)
  expect(sent!.retryAfterMs).toBeGreaterThan(3_000_000)
  expect(sent!.retryAfterMs).toBeLessThanOrEqual(3_600_000)
})

it('gives up on an answer that never comes, and on one that never ends', async () => {
  answer = () => {}
  expect(await senderWith(200).send(WEBHOOK, NEVER)).toMatchObject({ statusCode: null, failure: 'timeout' })
  answer = (_request, response) => {
    response.writeHead(200)
    const dripping = setInterval(() => response.write('.'), 20)
    response.on('close', () => clearInterval(dripping))
  }
  expect(await senderWith(400).send(WEBHOOK, NEVER)).toMatchObject({ statusCode: null, failure: 'timeout' })
})

it('does not read on for ever', async () => {
  let written = 0
  answer = (_request, response) => {
    response.writeHead(200)
    const chunk = Buffer.alloc(16 * 1024)
    const pour = () => {
      while (!response.destroyed && response.write(chunk)) written += chunk.length
      if (!response.destroyed) response.once('drain', pour)
    }
    pour()
  }
  expect(await senderWith().send(WEBHOOK, NEVER)).toMatchObject({ statusCode: null, failure: 'answer_too_large' })
  expect(written).toBeLessThan(64 * 1024 * 1024)
})

it('says that nobody listens, and that a connection was cut', async () => {
  answer = (request) => request.socket.destroy()
  expect(await senderWith().send(WEBHOOK, NEVER)).toMatchObject({ statusCode: null, failure: 'connection' })
  const sender = senderWith()
  await new Promise((closed) => server.close(closed))
  expect(await sender.send(WEBHOOK, NEVER)).toMatchObject({ statusCode: null, failure: 'connection' })
})

it('sends again over a new connection where a kept one was closed meanwhile', async () => {
  const sender = senderWith()
  answer = (_request, response) => response.writeHead(200).end()
  await sender.send(WEBHOOK, NEVER)
  answer = (request, response) => {
    if (seen.length === 2) request.socket.resetAndDestroy()
    else response.writeHead(200).end()
  }
  expect(await sender.send(WEBHOOK, NEVER)).toMatchObject({ statusCode: 200 })
  expect(seen).toHaveLength(3)
})

it('knows nothing of what was broken off', async () => {
  const stop = new AbortController()
  answer = () => stop.abort()
  expect(await senderWith().send(WEBHOOK, stop.signal)).toBeUndefined()
})

it.each(['https://127.0.0.1/', 'https://[::1]/', 'https://localhost/', 'http://hooks.shop.com/'])(
  'connects to nothing at %s',
  async (url) => {
    const before = seen.length
    expect(await senderWith().send({ ...WEBHOOK, url }, NEVER)).toMatchObject({ statusCode: null, failure: 'url_not_allowed' })
    expect(seen.length).toBe(before)
  },
)
