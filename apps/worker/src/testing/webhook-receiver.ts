import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What one path answers. Without one it is 204 at once. */
export interface Manner {
  status?: number
  headers?: Record<string, string>
  delayMs?: number
  /** Only messages whose body holds this text are treated so; others are taken. */
  about?: string
}

export interface Received {
  path: string
  headers: Record<string, string>
  body: string
  status: number
  at: number
}

// A receiver of webhooks in a process of its own: it keeps what it was sent, and behaves as it is told to at /control.
const received: Received[] = []
let manners: Record<string, Manner> = {}

const server = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks).toString()
  if (request.url === '/control') {
    manners = JSON.parse(body)
    response.end()
  } else if (request.url === '/log') response.end(JSON.stringify(received))
  else receive(request, response, body)
})

function receive(request: IncomingMessage, response: ServerResponse, body: string): void {
  const path = request.url ?? ''
  const manner = manners[path]
  const concerned = manner && (manner.about === undefined || body.includes(manner.about))
  const { status = 204, headers = {}, delayMs = 0 } = concerned ? manner : {}
  received.push({ path, headers: request.headers as Record<string, string>, body, status, at: Date.now() })
  if (delayMs > 0) setTimeout(() => response.writeHead(status, headers).end(), delayMs)
  else response.writeHead(status, headers).end()
}

server.listen(0, '127.0.0.1', () => console.log(`listening on ${(server.address() as AddressInfo).port}`))
