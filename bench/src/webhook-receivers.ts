import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'

/** Merchants' programs in one: under /live every webhook is taken at once, under /dead nothing is ever answered. */
export class WebhookReceivers {
  /** How long after the event each webhook was here, in milliseconds. */
  #lags: number[] = []
  #awaited: { count: number; resolve: () => void } | undefined
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response))
  }

  static async listen(): Promise<WebhookReceivers> {
    const receivers = new WebhookReceivers()
    await new Promise<void>((resolve) => receivers.#server.listen(0, '127.0.0.1', resolve))
    return receivers
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`
  }

  /** Resolves with what came since it was last asked, once there are so many. */
  async taken(count: number, withinMs: number): Promise<number[]> {
    const all = new Promise<void>((resolve) => {
      this.#awaited = { count, resolve }
      this.#look()
    })
    const timeout = AbortSignal.timeout(withinMs)
    const late = new Promise<never>((_, reject) =>
      timeout.addEventListener('abort', () => reject(new Error(`${this.#lags.length} of ${count} webhooks came within ${withinMs} ms`))),
    )
    await Promise.race([all, late])
    const lags = this.#lags
    this.#lags = []
    return lags
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (request.url !== '/live') return void request.resume()
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const { timestamp } = JSON.parse(Buffer.concat(pieces).toString()) as { timestamp: string }
      this.#lags.push(Date.now() - Date.parse(timestamp))
      response.writeHead(204).end()
      this.#look()
    })
  }

  #look(): void {
    if (this.#awaited === undefined || this.#lags.length < this.#awaited.count) return
    this.#awaited.resolve()
    this.#awaited = undefined
  }
}
