import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { type IncomingMessage, request as plain } from 'node:http'
import { request as secure } from 'node:https'
import { pipeline } from 'node:stream/promises'
import { PlainError } from './plain-error.ts'

export type Json = Record<string, unknown>

export interface Asked {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  path: string
  token?: string | undefined
  idempotencyKey?: string | undefined
  body?: Json | undefined
}

export interface Answered {
  status: number
  body: Json
  /** By the platform's clock, to the second. */
  at: Date
}

const TIMEOUT_MS = 60_000

/** One request to the platform. What is refused is an answer too; only a platform that cannot be reached throws. */
export function send(api: URL, asked: Asked): Promise<Answered> {
  return exchange(api, asked, readAnswer)
}

/** The same for an answer that is a file: written to a new one of that name, and known by its SHA-256. */
export function sendForFile(api: URL, asked: Asked, file: string): Promise<{ sha256: string } | Answered> {
  return exchange(api, asked, async (response) => {
    if (response.statusCode !== 200) return readAnswer(response)
    const hash = createHash('sha256')
    response.on('data', (chunk: Buffer) => hash.update(chunk))
    await pipeline(response, createWriteStream(file, { flags: 'wx', mode: 0o600 })).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') throw new PlainError(`${file} is there already.`)
      throw error
    })
    return { sha256: hash.digest('hex') }
  })
}

async function readAnswer(response: IncomingMessage): Promise<Answered> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return {
    status: response.statusCode ?? 0,
    at: new Date(response.headers.date ?? Date.now()),
    body: parse(Buffer.concat(chunks).toString('utf8')),
  }
}

function exchange<T>(api: URL, asked: Asked, read: (response: IncomingMessage) => Promise<T>): Promise<T> {
  const content = asked.body === undefined ? undefined : JSON.stringify(asked.body)
  // Not every system's resolver knows names under localhost, which are this machine's (RFC 6761).
  const host = api.hostname === 'localhost' || api.hostname.endsWith('.localhost') ? '127.0.0.1' : api.hostname
  const options = {
    host,
    port: api.port || (api.protocol === 'https:' ? 443 : 80),
    servername: api.hostname,
    method: asked.method,
    path: asked.path,
    timeout: TIMEOUT_MS,
    headers: {
      host: api.host,
      accept: 'application/json',
      'user-agent': 'souk-cli',
      ...(asked.token !== undefined && { authorization: `Bearer ${asked.token}` }),
      ...(asked.idempotencyKey !== undefined && { 'idempotency-key': asked.idempotencyKey }),
      ...(content !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) }),
    },
  }
  return new Promise((resolve, reject) => {
    const sent = (api.protocol === 'https:' ? secure : plain)(options, async (response) => {
      try {
        resolve(await read(response))
      } catch (error) {
        reject(error instanceof PlainError ? error : unreachable(api, error))
      }
    })
    sent.once('timeout', () => sent.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)))
    sent.once('error', (error) => reject(unreachable(api, error)))
    sent.end(content)
  })
}

function parse(text: string): Json {
  if (text === '') return {}
  try {
    return JSON.parse(text) as Json
  } catch {
    return { title: 'This is not the answer of a platform API', detail: text.slice(0, 200) }
  }
}

function unreachable(api: URL, error: unknown): PlainError {
  const { code, message } = error as { code?: string; message: string }
  return new PlainError(
    `The platform at ${api.origin} cannot be reached (${code ?? message}). Is it running? SOUK_API or --api say where it is.`,
  )
}
