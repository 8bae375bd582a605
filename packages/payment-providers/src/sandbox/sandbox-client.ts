import type { ProviderAccount } from '@souk/core/payments/provider.ts'
import { Agent, request } from 'undici'
import { apiBaseOf } from '../api-bases.ts'

const CONNECTIONS_MAX = 64
const ANSWER_BYTES_MAX = 4 * 1024 * 1024

export interface Call {
  method: 'GET' | 'POST'
  path: string
  idempotencyKey?: string
  json?: unknown
}

export interface Answer {
  status: number
  body: unknown
}

/** Calls the sandbox provider. Rejects when there is no answer, not all of it, or one that is no JSON. */
export class SandboxClient {
  readonly #apiBases: readonly string[]
  readonly #agent = new Agent({ connections: CONNECTIONS_MAX, maxResponseSize: ANSWER_BYTES_MAX })

  constructor(apiBases: readonly string[]) {
    this.#apiBases = apiBases
  }

  async call(account: ProviderAccount, { method, path, idempotencyKey, json }: Call, signal: AbortSignal): Promise<Answer> {
    const { statusCode, body } = await request(apiBaseOf(account, this.#apiBases) + path, {
      method,
      signal,
      dispatcher: this.#agent,
      headers: {
        authorization: `Bearer ${account.secrets.api_key ?? ''}`,
        accept: 'application/json',
        ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
        ...(json !== undefined && { 'content-type': 'application/json' }),
      },
      ...(json !== undefined && { body: JSON.stringify(json) }),
    })
    return { status: statusCode, body: await body.json() }
  }
}
