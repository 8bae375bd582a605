import { connect, createServer, type Socket } from 'node:net'

/** What one client sent, by PostgreSQL's letter for the message: P Parse, B Bind, D Describe, E Execute, S Sync, H Flush, Q Query. */
export type MessageCounts = Record<string, number>

export interface TestWire {
  /** The database's address, with this proxy in front. */
  url: string
  /** Messages of all clients since the last `reset`. */
  counts: MessageCounts
  /** How often clients sent something after they had been answered: the round trips a distant database would cost. */
  roundTrips: number
  connections: number
  reset(): void
  /** Called with each message from a client before it is passed on; answer 'cut' to end the connection after passing it on, or 'drop' before. */
  onMessage: ((letter: string, body: Buffer) => 'pass' | 'cut' | 'drop') | undefined
  /** Keeps back answers that contain this text, until `letGo` is called. */
  hold(text: string): { held: () => boolean; letGo: () => void }
  /** Ends all connections, and drops new ones as soon as they are made, until `restore`. */
  sever(): void
  restore(): void
  /** Ends all connections and refuses new ones, until `listenAgain`. */
  stopListening(): Promise<void>
  listenAgain(): Promise<void>
  close(): Promise<void>
}

/** A TCP proxy in front of PostgreSQL that reads the client's side of the protocol. */
export async function openTestWire(databaseUrl: string): Promise<TestWire> {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  let severed = false
  let holding: { text: string; answers: (() => void)[] } | undefined
  const server = createServer((client) => {
    if (severed) return void client.destroy()
    wire.connections += 1
    const upstream = connect(Number(target.port), target.hostname)
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        // What is still on its way to the other side arrives there before the end does.
        other.end()
      })
    }
    relay(client, upstream, wire, (chunk, pass) => {
      if (holding && chunk.includes(holding.text)) holding.answers.push(pass)
      else pass()
    })
  })
  const wire: TestWire = {
    url: '',
    counts: {},
    roundTrips: 0,
    connections: 0,
    onMessage: undefined,
    reset: () => {
      wire.counts = {}
      wire.roundTrips = 0
    },
    hold: (text) => {
      const mine = { text, answers: [] as (() => void)[] }
      holding = mine
      return {
        held: () => mine.answers.length > 0,
        letGo: () => {
          holding = undefined
          for (const pass of mine.answers) pass()
        },
      }
    },
    sever: () => {
      severed = true
      for (const socket of sockets) socket.destroy()
    },
    restore: () => {
      severed = false
    },
    stopListening: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
    listenAgain: () => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve)),
    close: () => wire.stopListening(),
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const port = (server.address() as { port: number }).port
  const own = new URL(databaseUrl)
  own.hostname = '127.0.0.1'
  own.port = String(port)
  wire.url = own.toString()
  return wire
}

function relay(client: Socket, upstream: Socket, wire: TestWire, answer: (chunk: Buffer, pass: () => void) => void): void {
  let pending = Buffer.alloc(0)
  let started = false
  let answered = true
  client.on('data', (chunk) => {
    if (answered) wire.roundTrips += 1
    answered = false
    pending = Buffer.concat([pending, chunk])
    for (;;) {
      // The first message has no letter; every other one has a letter before its length.
      const head = started ? 1 : 0
      if (pending.length < head + 4) return
      const length = pending.readUInt32BE(head) + head
      if (pending.length < length) return
      const message = pending.subarray(0, length)
      pending = pending.subarray(length)
      if (started && !passOn(message, upstream, client, wire)) return
      if (!started) upstream.write(message)
      started = true
    }
  })
  upstream.on('data', (chunk) => {
    answer(chunk, () => {
      answered = true
      client.write(chunk)
    })
  })
}

function passOn(message: Buffer, upstream: Socket, client: Socket, wire: TestWire): boolean {
  const letter = String.fromCharCode(message[0]!)
  wire.counts[letter] = (wire.counts[letter] ?? 0) + 1
  const verdict = wire.onMessage?.(letter, message.subarray(5)) ?? 'pass'
  if (verdict !== 'drop') upstream.write(message)
  if (verdict === 'pass') return true
  // The server gets what was sent and works on it; only the client never hears of it.
  client.destroy()
  return false
}
