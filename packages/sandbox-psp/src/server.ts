import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { actionPage, closingPage, PAGE_HEADERS } from './action-page.ts'
import { CallbackSender } from './callback-sender.ts'
import { answerAction } from './charge.ts'
import { CONTROL_CALLS } from './control-calls.ts'
import type { PaymentState } from './entries.ts'
import { sha256 } from './ids.ts'
import { MERCHANT_CALLS, type MerchantCall } from './merchant-calls.ts'
import type { Psp, Reply } from './psp.ts'
import { BadRequest } from './refuse.ts'
import type { Fault } from './scripts.ts'

const BODY_BYTES_MAX = 64 * 1024
// Longer than clients keep idle connections, so that it is they who close them.
const KEEP_ALIVE_TIMEOUT_MS = 65_000

interface Exchange {
  psp: Psp
  sender: CallbackSender
  controlToken: string
  request: IncomingMessage
  response: ServerResponse
  url: URL
}

/** Speaks HTTP for the provider, and breaks it where a script says so. */
export async function serve(
  psp: Psp,
  options: { host: string; port: number; publicUrl: string | undefined; controlToken: string },
): Promise<{ port: number; close(): Promise<void> }> {
  const sender = new CallbackSender(psp)
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS }, (request, response) => {
    const exchange = { psp, sender, controlToken: options.controlToken, request, response, url: urlOf(request) }
    exchangeOnce(exchange).catch((error) => answerError(response, error))
  })
  await listen(server, options.host, options.port)
  const { port } = server.address() as { port: number }
  psp.baseUrl = options.publicUrl ?? `http://${options.host}:${port}`
  psp.resume()
  return {
    port,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await sender.close()
      await psp.close()
    },
  }
}

async function exchangeOnce(exchange: Exchange): Promise<void> {
  const { pathname } = exchange.url
  if (pathname.startsWith('/control/')) return controlCall(exchange)
  if (pathname.startsWith('/pay/')) return buyerVisit(exchange)
  if (pathname === '/readyz') return answer(exchange, { status: 200, body: { status: 'ok' } })
  return merchantCall(exchange)
}

async function merchantCall(exchange: Exchange): Promise<void> {
  const { psp, request, response, url } = exchange
  const account = psp.state.accountsByKey.get(sha256(bearerOf(request)))
  if (account === undefined) throw new BadRequest(401, 'unauthorized', 'The API key is missing or unknown.')
  const { call, id } = match<MerchantCall>(MERCHANT_CALLS, request.method, url.pathname)
  const body = await readBody(request)
  const faults = call.kind === undefined ? [] : psp.faultsFor(account.id, call.kind)
  const { socket } = request
  if (await misbehave(faults, 'before', exchange, socket)) return
  const key = request.headers['idempotency-key']
  const asked = { psp, account, id, query: url.searchParams, key: typeof key === 'string' ? key : undefined, body, faults }
  const reply = call.answer(asked)
  await psp.flushed()
  if (await misbehave(faults, 'after', exchange, socket)) return
  if (faults.some(({ kind }) => kind === 'answer_twice')) answerTwice(response, socket, reply)
  else await answer(exchange, reply)
}

/** True when the exchange has ended by it. */
async function misbehave(faults: readonly Fault[], when: 'before' | 'after', exchange: Exchange, socket: Socket): Promise<boolean> {
  for (const fault of faults) {
    if (fault.kind === 'garbage' && when === 'after') {
      exchange.response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":"pay_')
      return true
    }
    if (!('when' in fault) || fault.when !== when) continue
    if (fault.kind === 'slow') await pause(fault.ms)
    if (fault.kind === 'drop') {
      socket.destroy()
      return true
    }
    if (fault.kind === 'error') {
      await answer(exchange, {
        status: fault.status,
        body: { error: { type: 'server_error', code: 'scripted', message: 'As it was told to.' } },
      })
      return true
    }
  }
  return false
}

async function controlCall(exchange: Exchange): Promise<void> {
  const { psp, sender, request, url } = exchange
  if (!isControlToken(bearerOf(request), exchange.controlToken))
    throw new BadRequest(401, 'unauthorized', 'The control token is missing or wrong.')
  const { call, id } = match(CONTROL_CALLS, request.method, url.pathname)
  const reply = await call.answer({ psp, sender, id, query: url.searchParams, body: await readBody(request) })
  await psp.flushed()
  await answer(exchange, reply)
}

/** The buyer at the page of a payment that waits for them. */
async function buyerVisit({ psp, request, response, url }: Exchange): Promise<void> {
  const payment = psp.state.paymentsByAction.get(url.pathname.slice('/pay/'.length))
  if (payment === undefined) throw new BadRequest(404, 'not_found', 'There is no such page.')
  const merchant = psp.state.accounts.get(payment.account)!.name
  if (request.method === 'POST') {
    const given = new URLSearchParams(await readText(request)).get('answer')
    if (given !== 'approve' && given !== 'refuse') throw new BadRequest(400, 'invalid_request', 'answer: approve or refuse')
    psp.record(answerAction(payment, given === 'approve', psp.now()))
    await psp.flushed()
    const back = payment.returnUrl === null ? url.pathname : returnUrl(payment.returnUrl, payment)
    response.writeHead(303, { location: back, 'cache-control': 'no-store' }).end()
    return
  }
  const waits = payment.status === 'requires_action'
  response.writeHead(200, PAGE_HEADERS).end(waits ? actionPage(payment, merchant) : closingPage(payment, merchant))
}

function returnUrl(address: string, payment: PaymentState): string {
  const url = new URL(address)
  url.searchParams.set('payment_id', payment.paymentId)
  url.searchParams.set('result', payment.status === 'declined' ? 'refused' : 'approved')
  return url.href
}

function match<Call extends { method: string; path: RegExp }>(
  calls: readonly Call[],
  method: string | undefined,
  path: string,
): { call: Call; id: string } {
  for (const call of calls) {
    const caught = call.method === method ? call.path.exec(path) : null
    if (caught !== null) return { call, id: caught[1] ?? '' }
  }
  throw new BadRequest(404, 'not_found', 'There is nothing at this address.')
}

async function answer({ response }: Exchange, { status, body, ...rest }: Reply & { replayed?: boolean }): Promise<void> {
  const content = JSON.stringify(body)
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) }
  response.writeHead(status, rest.replayed === true ? { ...headers, 'idempotent-replayed': 'true' } : headers).end(content)
}

/** A second, unasked answer behind the first: a client that reuses the connection may take it for the answer to its next call. */
function answerTwice(response: ServerResponse, socket: Socket, { status, body }: Reply): void {
  const content = JSON.stringify(body)
  const length = Buffer.byteLength(content)
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': length }).end(content, () => {
    if (socket.writable)
      socket.write(`HTTP/1.1 ${status} Again\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n${content}`)
  })
}

function answerError(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const { status, code, message } =
    error instanceof BadRequest ? error : { status: 500, code: 'internal_error', message: 'Something is wrong with the sandbox itself.' }
  if (status === 500) console.error(error)
  const type = status === 404 ? 'not_found' : status === 401 ? 'unauthorized' : status >= 500 ? 'server_error' : 'invalid_request'
  // What is left of the request is not read: the connection cannot be used again.
  if (status === 413) response.setHeader('connection', 'close')
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error: { type, code, message } }))
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const text = await readText(request)
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    throw new BadRequest(400, 'invalid_request', 'The body is no JSON.')
  }
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > BODY_BYTES_MAX) throw new BadRequest(413, 'body_too_large', `A body has at most ${BODY_BYTES_MAX} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function bearerOf(request: IncomingMessage): string {
  return /^Bearer (\S{1,300})$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
}

function isControlToken(given: string, wanted: string): boolean {
  // Hashes, because only equal lengths can be compared in constant time.
  return timingSafeEqual(Buffer.from(sha256(given)), Buffer.from(sha256(wanted)))
}

function urlOf(request: IncomingMessage): URL {
  return new URL(request.url?.startsWith('/') ? request.url : '/', 'http://sandbox.invalid')
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve())
  })
}
