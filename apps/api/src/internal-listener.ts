import { createServer, type Server } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'

/** A second listener for those who run the process: metrics and probes, on the loopback address alone. */
export async function startInternalListener(
  app: FastifyInstance,
  metrics: Registry,
  port: number,
): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer(async (request, response) => {
    const path = request.url ?? ''
    if (path === '/metrics') {
      response.setHeader('content-type', metrics.contentType).end(await metrics.metrics())
      return
    }
    if (path === '/healthz' || path === '/readyz') {
      const probe = await app.inject({ url: path, headers: { host: 'localhost' } })
      response.writeHead(probe.statusCode, { 'content-type': String(probe.headers['content-type']) }).end(probe.body)
      return
    }
    response.writeHead(404).end()
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
  return { port: portOf(server), close: () => closed(server) }
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
