// What host and runner say to each other, over one socket: a length, a JSON header with its own length, and a text beside it that is
// passed on without being parsed (an input, an answer, a bundle).

/** From the host. */
export type HostMessage =
  | CallMessage
  | { type: 'load'; merchantId: string; digest: string; configuration: string; withSource: boolean }
  | { type: 'inspect'; wallMs: number }

export interface CallMessage {
  type: 'call'
  merchantId: string
  digest: string
  /** JSON. */
  configuration: string
  contract: string
  hook: string
  wallMs: number
  outputBytesMax: number
  /** Do it again in a fresh isolate afterwards, and compare. */
  repeat: boolean
}

/** From the runner. `ready` once; then one reply to each message, and `rested` after an answer that announced more work. */
export type RunnerMessage =
  | { type: 'ready' }
  | { type: 'cold'; needsSource: boolean }
  | { type: 'loaded' }
  | AnswerMessage
  | { type: 'rested'; differed: boolean }

export interface AnswerMessage {
  type: 'answer'
  ok: boolean
  /** Of a failure. */
  reason?: string
  detail?: string
  cpuMs: number
  wallMs: number
  heapBytes: number
  logs: string[]
  isolates: number
  rssBytes: number
  /** Of a processor, by the whole process since its start. */
  usedMs: number
  more: boolean
}

export interface Frame<Message> {
  message: Message
  text: string
}

const PREFIX_BYTES = 8
/** Above the largest input, bundle and answer together with their headers. */
const FRAME_BYTES_MAX = 4_000_000

export function encodeFrame(message: HostMessage | RunnerMessage, text = ''): Buffer {
  const header = JSON.stringify(message)
  const headerBytes = Buffer.byteLength(header)
  const textBytes = Buffer.byteLength(text)
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + headerBytes + textBytes)
  frame.writeUInt32BE(headerBytes + textBytes, 0)
  frame.writeUInt32BE(headerBytes, 4)
  frame.write(header, PREFIX_BYTES)
  frame.write(text, PREFIX_BYTES + headerBytes)
  return frame
}

/** Puts chunks together to frames. */
export class FrameReader<Message> {
  #chunks: Buffer[] = []
  #bytes = 0

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
  }

  /** The next whole frame, if there is one. Throws for one that is none of ours. */
  next(): Frame<Message> | undefined {
    if (this.#bytes < PREFIX_BYTES) return undefined
    if (this.#chunks[0]!.length < PREFIX_BYTES) this.#join()
    const bytes = this.#chunks[0]!.readUInt32BE(0)
    const headerBytes = this.#chunks[0]!.readUInt32BE(4)
    if (bytes > FRAME_BYTES_MAX || headerBytes > bytes) throw new Error(`a frame of ${bytes} bytes`)
    if (this.#bytes < PREFIX_BYTES + bytes) return undefined
    this.#join()
    const all = this.#chunks[0]!
    const headerEnd = PREFIX_BYTES + headerBytes
    const message = JSON.parse(all.toString('utf8', PREFIX_BYTES, headerEnd)) as Message
    const text = all.toString('utf8', headerEnd, PREFIX_BYTES + bytes)
    const rest = all.subarray(PREFIX_BYTES + bytes)
    this.#chunks = rest.length > 0 ? [rest] : []
    this.#bytes = rest.length
    return { message, text }
  }

  #join(): void {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks, this.#bytes)]
  }
}
