import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'

// Headers and JSON bodies have 10 s; the whole request has longer, for uploads that are streamed.
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 300_000
const TIMEOUTS_CHECKED_EVERY_MS = 1_000
const IDLE_CONNECTION_TIMEOUT_MS = 60_000
const KEEP_ALIVE_TIMEOUT_MS = 65_000
const HEADERS_BYTES_MAX = 16 * 1024

/** The HTTP server below the framework. What `refuse` has answered is never heard of above. */
export function createHttpServer(handle: RequestListener, refuse: (raw: IncomingMessage, response: ServerResponse) => boolean): Server {
  const settings = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    connectionsCheckingInterval: TIMEOUTS_CHECKED_EVERY_MS,
    maxHeaderSize: HEADERS_BYTES_MAX,
    // Ours says it in a problem document.
    requireHostHeader: false,
  }
  const server = createServer(settings, (raw, response) => {
    if (!refuse(raw, response)) handle(raw, response)
  })
  server.setTimeout(IDLE_CONNECTION_TIMEOUT_MS)
  return server
}
