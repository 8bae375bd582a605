import { connect, type Socket } from 'node:net'
import { constants, setPriority } from 'node:os'

// A process of its own that sends one request over and over at fixed moments, whatever becomes of the answers, and counts these. It gives way
// to everybody else on the machine: what it costs to send is not what is measured.

export interface OpenLoop {
  port: number
  /** A whole HTTP/1.1 request, base64. */
  request: string
  perSecond: number
  seconds: number
}

/** Answers by status; `unsent`: so many were not answered yet that no more could be sent; `lost`: the connection ended. */
export interface OpenLoopSeen {
  byStatus: Record<string, number>
  unsent: number
  lost: number
}

const SOCKETS_MAX = 400
const TICK_MS = 10
const ANSWERED_WITHIN_MS = 5_000
const MS_PER_S = 1_000
const HEAD_END = '\r\n\r\n'

/** One connection with at most one request on the way. */
class Line {
  busy = false
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)

  constructor(port: number, onAnswer: (status: string) => void, onEnd: (line: Line) => void) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', (chunk) => {
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
      const status = this.#takeAnswer()
      if (status === undefined) return
      this.busy = false
      onAnswer(status)
    })
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => onEnd(this))
  }

  send(request: Buffer): void {
    this.busy = true
    this.#socket.write(request)
  }

  end(): void {
    this.#socket.destroy()
  }

  /** The status of a whole answer: its length is in its head. */
  #takeAnswer(): string | undefined {
    const headEnd = this.#received.indexOf(HEAD_END)
    if (headEnd < 0) return undefined
    const head = this.#received.toString('latin1', 0, headEnd)
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
    if (this.#received.length < headEnd + HEAD_END.length + length) return undefined
    this.#received = this.#received.subarray(headEnd + HEAD_END.length + length)
    return head.slice(9, 12)
  }
}

async function run({ port, request, perSecond, seconds }: OpenLoop): Promise<OpenLoopSeen> {
  const bytes = Buffer.from(request, 'base64')
  const seen: OpenLoopSeen = { byStatus: {}, unsent: 0, lost: 0 }
  const lines = new Set<Line>()
  const idle: Line[] = []
  const open = () => {
    const line: Line = new Line(
      port,
      (status) => {
        seen.byStatus[status] = (seen.byStatus[status] ?? 0) + 1
        idle.push(line)
      },
      () => {
        lines.delete(line)
        if (line.busy) seen.lost += 1
        const at = idle.indexOf(line)
        if (at >= 0) idle.splice(at, 1)
      },
    )
    lines.add(line)
    return line
  }
  const sendOne = () => {
    const line = idle.pop() ?? (lines.size < SOCKETS_MAX ? open() : undefined)
    if (line) line.send(bytes)
    else seen.unsent += 1
  }
  const begun = performance.now()
  let sent = 0
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(seconds, (performance.now() - begun) / MS_PER_S) * perSecond
      for (; sent < due; sent++) sendOne()
      if (sent < seconds * perSecond) return
      clearInterval(timer)
      resolve()
    }, TICK_MS)
  })
  const end = performance.now() + ANSWERED_WITHIN_MS
  while ([...lines].some(({ busy }) => busy) && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, TICK_MS))
  for (const line of [...lines]) line.end()
  return seen
}

setPriority(constants.priority.PRIORITY_LOW)
process.once('message', (loop: OpenLoop) => {
  void run(loop).then((seen) => process.send!(seen, undefined, {}, () => process.disconnect()))
})
