import { connect, createServer, type Server, type Socket } from 'node:net'

/** What a proxy does to connections. Bytes are counted per connection. */
export type Fault =
  | { kind: 'none' }
  /** Every piece arrives so much later, both ways. */
  | { kind: 'delay'; ms: number }
  /** Connections are taken, and nothing goes through. */
  | { kind: 'blackhole' }
  /** New connections and those there are, are reset. */
  | { kind: 'reset' }
  /** Pieces of so many bytes, both ways. */
  | { kind: 'slice'; bytes: number }
  /** After so many bytes of answers the connection is cut. */
  | { kind: 'cut_answers'; afterBytes: number }
  /** The next question that has this in it goes through; then the connection is cut, its answer lost. Once. */
  | { kind: 'lose_answer'; to: Buffer }

interface Pair {
  client: Socket
  upstream: Socket
  answered: number
}

/**
 * A TCP proxy in front of a real server that goes wrong when it is told to: delays, black holes, resets, slices, lost answers. It
 * passes everything on until then.
 */
export class FaultProxy {
  readonly #server: Server
  readonly #target: { host: string; port: number }
  readonly #pairs = new Set<Pair>()
  #fault: Fault = { kind: 'none' }
  #struck = 0

  private constructor(server: Server, target: { host: string; port: number }) {
    this.#server = server
    this.#target = target
    server.on('connection', (client) => this.#accept(client))
  }

  /** In front of `target`, at a port of its own. */
  static async before(target: { host?: string; port: number }): Promise<FaultProxy> {
    const server = createServer({ noDelay: true })
    const proxy = new FaultProxy(server, { host: target.host ?? '127.0.0.1', port: target.port })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get port(): number {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen')
    return address.port
  }

  /** How many connections a fault has hit. */
  get struck(): number {
    return this.#struck
  }

  /** From now on, for connections there are and new ones. */
  set(fault: Fault): void {
    this.#fault = fault
    if (fault.kind !== 'reset') return
    for (const pair of [...this.#pairs]) this.#cut(pair)
  }

  async close(): Promise<void> {
    for (const pair of [...this.#pairs]) end(pair)
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #accept(client: Socket): void {
    if (this.#fault.kind === 'reset') {
      this.#struck++
      client.on('error', () => {})
      client.resetAndDestroy()
      return
    }
    const upstream = connect({ ...this.#target, noDelay: true })
    const pair: Pair = { client, upstream, answered: 0 }
    this.#pairs.add(pair)
    for (const socket of [client, upstream]) {
      socket.on('error', () => end(pair))
      socket.on('close', () => {
        this.#pairs.delete(pair)
        end(pair)
      })
    }
    client.on('data', (piece) => this.#question(pair, piece))
    upstream.on('data', (piece) => this.#answer(pair, piece))
  }

  #question(pair: Pair, piece: Buffer): void {
    const fault = this.#fault
    if (fault.kind === 'lose_answer' && piece.includes(fault.to)) {
      this.#fault = { kind: 'none' }
      this.#struck++
      // The question gets there, and is worked on; nobody hears what came of it.
      pair.client.resetAndDestroy()
      pair.upstream.removeAllListeners('close')
      pair.upstream.write(piece)
      pair.upstream.end()
      this.#pairs.delete(pair)
      return
    }
    this.#pass(pair, pair.upstream, piece)
  }

  #answer(pair: Pair, piece: Buffer): void {
    const fault = this.#fault
    pair.answered += piece.length
    if (fault.kind === 'cut_answers' && pair.answered > fault.afterBytes) {
      this.#struck++
      this.#cut(pair)
      return
    }
    this.#pass(pair, pair.client, piece)
  }

  #pass(pair: Pair, to: Socket, piece: Buffer): void {
    const fault = this.#fault
    switch (fault.kind) {
      case 'blackhole':
        return
      case 'delay':
        setTimeout(() => write(to, piece), fault.ms)
        return
      case 'slice':
        for (let at = 0; at < piece.length; at += fault.bytes) write(to, piece.subarray(at, at + fault.bytes))
        return
      case 'reset':
        this.#cut(pair)
        return
      default:
        write(to, piece)
    }
  }

  #cut(pair: Pair): void {
    this.#struck++
    pair.client.resetAndDestroy()
    pair.upstream.destroy()
    this.#pairs.delete(pair)
  }
}

function write(socket: Socket, piece: Buffer): void {
  if (!socket.destroyed && socket.writable) socket.write(piece)
}

function end({ client, upstream }: Pair): void {
  client.destroy()
  upstream.destroy()
}
