import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'

/** One webhook as it came in. */
export interface Received {
  id: string
  headers: Record<string, string>
  body: string
  /** Its signature held when it came: the time that is signed is believed for a few minutes only. */
  isGenuine: boolean
}

export type Manner = 'takes' | 'refuses' | 'is_slow' | 'hangs_up'

const SLOW_MS = 400
/** Other endpoints may be at this receiver; what comes to them is taken, and not kept. */
export const KEPT_PATH = '/faults'

/** A merchant's own program, to which webhooks are sent: it keeps what it took, and is as bad as it is told to be. */
export class Receiver {
  readonly taken: Received[] = []
  manner: Manner = 'takes'
  /** The secret it shares with the sender. */
  secret: Promise<string> = Promise.resolve('')
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response).catch(() => response.destroy()))
  }

  static async listen(): Promise<Receiver> {
    const receiver = new Receiver()
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve))
    return receiver
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece as Buffer)
    if (this.manner === 'hangs_up') {
      response.destroy()
      return
    }
    if (this.manner === 'is_slow') await pause(SLOW_MS)
    if (this.manner === 'refuses') {
      response.writeHead(500).end()
      return
    }
    if (request.url !== KEPT_PATH) {
      response.writeHead(204).end()
      return
    }
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
    const body = Buffer.concat(pieces).toString()
    this.taken.push({ id: headers['webhook-id'] ?? '', headers, body, isGenuine: verifies(await this.secret, body, headers) })
    response.writeHead(204).end()
  }
}

function verifies(secret: string, body: string, headers: Record<string, string>): boolean {
  try {
    new Webhook(secret).verify(body, headers)
    return true
  } catch {
    return false
  }
}
