import { request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { Explained } from './explained.ts'

export interface Call {
  method: 'GET' | 'POST' | 'PATCH' | 'PUT'
  path: string
  token?: string
  idempotencyKey?: string
  cartToken?: string
  json?: unknown
  csv?: string
}

export interface Answer {
  status: number
  // Wire bodies differ by route; what is read of one is checked where it is read.
  body: Record<string, unknown>
}

export type Client = (call: Call) => Promise<Answer>

const TIMEOUT_MS = 30_000
// A platform that has more to do than it can says so (503), with nothing done. Of these two that is not certain.
const BUSY_MAX_MS = 120_000
const BUSY_PAUSE_MS = 1_000
const UNCERTAIN = /\/(commit-unknown|handler-timeout)$/

/**
 * Calls the API at one host name. The connection goes to 127.0.0.1, because not every system's resolver knows names under
 * localhost (browsers and curl do).
 */
export function clientOf(host: string, port: number, stopping: AbortSignal): Client {
  return (call) => send(host, port, call, stopping)
}

/** The body of an answer that had to be a success. */
export function expectOk(answer: Answer, doing: string): Record<string, unknown> {
  if (answer.status < 300) return answer.body
  const { title, detail, errors } = answer.body
  throw new Explained(
    `${doing} was refused (${answer.status}): ${[title, detail, errors && JSON.stringify(errors)].filter(Boolean).join('. ')}`,
  )
}

/** A client that asks again, for two minutes, where it is told that the platform is busy. */
export function patient(client: Client, stopping: AbortSignal): Client {
  return async (call) => {
    const end = performance.now() + BUSY_MAX_MS
    for (;;) {
      const answer = await client(call)
      if (answer.status !== 503 || UNCERTAIN.test(String(answer.body.type)) || performance.now() > end) return answer
      await pause(BUSY_PAUSE_MS, undefined, { signal: stopping })
    }
  }
}

function send(host: string, port: number, call: Call, stopping: AbortSignal): Promise<Answer> {
  const content = call.csv ?? (call.json === undefined ? undefined : JSON.stringify(call.json))
  const headers = {
    host: `${host}:${port}`,
    accept: 'application/json',
    ...(call.token === undefined ? {} : { authorization: `Bearer ${call.token}` }),
    ...(call.idempotencyKey === undefined ? {} : { 'idempotency-key': call.idempotencyKey }),
    ...(call.cartToken === undefined ? {} : { 'cart-token': call.cartToken }),
    ...(content === undefined
      ? {}
      : {
          'content-type': call.csv === undefined ? 'application/json' : 'text/csv; charset=utf-8',
          'content-length': Buffer.byteLength(content),
        }),
  }
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, method: call.method, path: call.path, headers, timeout: TIMEOUT_MS, signal: stopping },
      async (response) => {
        try {
          const chunks: Buffer[] = []
          for await (const chunk of response) chunks.push(chunk as Buffer)
          resolve({ status: response.statusCode ?? 0, body: parse(Buffer.concat(chunks).toString('utf8')) })
        } catch (error) {
          reject(error)
        }
      },
    )
    sent.once('timeout', () => sent.destroy(new Error(`${call.method} ${call.path} took longer than ${TIMEOUT_MS / 1000} s`)))
    sent.once('error', reject)
    sent.end(content)
  })
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return { detail: text.slice(0, 500) }
  }
}
