import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Registry } from 'prom-client'

export interface InternalServerOptions {
  /** 0: any free one. */
  port: number
  registry: Registry
  /** Brings the metrics up to date before they are read. */
  refresh: () => Promise<void>
  isReady: () => boolean
}

export interface InternalServer {
  port: number
  close(): Promise<void>
}

const HEADERS_TIMEOUT_MS = 5_000

/** `/metrics`, `/healthz` (the process answers) and `/readyz` (every cell's queue is being worked on), for this machine alone. */
export async function startInternalServer(options: InternalServerOptions): Promise<InternalServer> {
  const server = createServer({ headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: HEADERS_TIMEOUT_MS }, (request, response) => {
    answer(options, request.url ?? '/').then(
      ({ status, type, body }) => response.writeHead(status, { 'content-type': type }).end(body),
      () => response.writeHead(500, { 'content-type': 'text/plain' }).end('failed\n'),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, '127.0.0.1', resolve)
  })
  return { port: (server.address() as AddressInfo).port, close: () => close(server) }
}

async function answer(options: InternalServerOptions, url: string): Promise<{ status: number; type: string; body: string }> {
  const { registry, refresh, isReady } = options
  const type = 'text/plain'
  if (url === '/metrics') {
    await refresh()
    return { status: 200, type: registry.contentType, body: await registry.metrics() }
  }
  if (url === '/healthz') return { status: 200, type, body: 'ok\n' }
  if (url === '/readyz') return isReady() ? { status: 200, type, body: 'ready\n' } : { status: 503, type, body: 'not ready\n' }
  return { status: 404, type, body: 'not found\n' }
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise<void>((resolve) => server.close(() => resolve()))
}
