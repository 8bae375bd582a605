import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Router } from '@souk/tenant-router/router.ts'
import type { ConnectionError, FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { Problem, type ProblemReply, toProblem } from './errors.ts'
import { hostKind } from './gates/merchant.ts'
import type { Gate } from './gates/route-config.ts'
import { errorFields, requestFields } from './log.ts'
import type { ProblemCode } from './problems.ts'

interface Known {
  pattern: RegExp
  method: string
  gate: Gate
}

const STATUS_TEXTS: Record<number, string> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Payload Too Large',
  431: 'Request Header Fields Too Large',
}
// What the HTTP parser itself refuses, before there is a request.
const PARSER_CODES: Record<string, ProblemCode> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'body_too_large',
}
const UNKNOWN_METHOD = /^[A-Z]{1,20} [^\s]+ HTTP\/1\.[01]\r\n/
const ALLOWED_ANYWHERE = 'GET, HEAD, POST, PATCH, DELETE'

/** Makes every no of this server a problem document: refusals, framework errors, unknown paths and methods, surprises. */
export function answerErrors(app: FastifyInstance, options: { router: Router; baseDomain: string; routes: readonly RouteOptions[] }): void {
  let known: Known[] = []
  app.addHook('onReady', async () => {
    known = options.routes.flatMap(knownRoutes)
  })
  app.setErrorHandler((error, request, reply) => answer(error, request, reply))
  app.setNotFoundHandler(async (request, reply) => {
    const kind = await hostKind(options.router, options.baseDomain, request.hostName)
    const path = request.raw.url!.replace(/\?.*/s, '')
    const gates: Gate[] = kind === 'platform' ? ['platform', 'platform-public', 'public'] : ['store', 'staff', 'public']
    const methods = known.filter((route) => gates.includes(route.gate) && route.pattern.test(path)).map((route) => route.method)
    if (methods.length === 0 || methods.includes(request.method)) throw new Problem('not_found')
    reply.header('allow', [...new Set(methods)].sort().join(', '))
    throw new Problem('method_not_allowed')
  })
}

/** Errors of the router, for which no route's handler is asked. */
answerErrors.options = {
  frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
    reply.header('request-id', request.id)
    answer(error, request, reply)
  },
}

/** Answers what is no request: the parser gave up, and all there is is a socket. */
export function answerClientError(error: ConnectionError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const problem = toProblem(new Problem(parserProblem(error)), '')
  const headers = {
    ...problem.headers,
    'request-id': randomUUID(),
    'content-length': String(Buffer.byteLength(problem.body)),
    connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  if (problem.status === 405) lines.push(`allow: ${ALLOWED_ANYWHERE}`)
  socket.end(`HTTP/1.1 ${problem.status} ${STATUS_TEXTS[problem.status] ?? ''}\r\n${lines.join('\r\n')}\r\n\r\n${problem.body}`)
}

function parserProblem(error: ConnectionError): ProblemCode {
  // The types take it for what JSON makes of a buffer.
  const packet = error.rawPacket as unknown as Buffer | undefined
  if (error.code === 'HPE_INVALID_METHOD' && UNKNOWN_METHOD.test(packet?.toString('latin1') ?? '')) return 'method_not_allowed'
  return PARSER_CODES[error.code ?? ''] ?? 'bad_request'
}

function answer(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem: ProblemReply = toProblem(error, request.id)
  request.problem = problem.slug
  if (!problem.expected) request.log.error({ ...requestFields(request), error: errorFields(error) }, 'unforeseen')
  return reply.code(problem.status).headers(problem.headers).serializer(asIs).send(problem.body)
}

function asIs(body: unknown): string {
  return body as string
}

function knownRoutes(route: RouteOptions): Known[] {
  const pattern = new RegExp(
    `^${route.url
      .replaceAll(/:[a-z_]+/g, '[^/]+')
      .replaceAll('.', '\\.')
      .replaceAll('*', '.*')}$`,
  )
  return [route.method].flat().map((method) => ({ pattern, method, gate: route.config?.gate ?? 'public' }))
}
