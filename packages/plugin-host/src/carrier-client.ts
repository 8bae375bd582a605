import http from 'node:http'
import https from 'node:https'
import { fillSecrets, labelOf, requestComplaints, responseForPlugin } from '@souk/plugins-sdk/carrier.ts'
import type { CarrierRequestV1, CarrierResponseV1 } from '@souk/plugins-sdk/contracts/carrier-request.ts'
import type { ParsedManifest } from '@souk/plugins-sdk/manifest.ts'
import { publicLookup } from '@souk/public-net/public-address.ts'

export interface CarrierClientOptions {
  /** Hosts served elsewhere, for tests and demos on one machine: `{"api.carrier.example": "http://127.0.0.1:4999"}`. */
  redirectedHosts?: Record<string, string>
  timeoutMs?: number
}

interface RawResponse {
  status: number
  headers: Record<string, string>
  body: Uint8Array
}

const TIMEOUT_MS = 15_000
const RESPONSE_BYTES_MAX = 6 * 1024 * 1024
const NO_ANSWER: RawResponse = { status: 0, headers: {}, body: new Uint8Array() }

/**
 * Speaks with carriers for plugins that have no network. Only to hosts a manifest declares, over https on port 443, to the
 * public address that was checked; redirects are not followed; an answer larger than 6 MiB or later than 15 s is none.
 */
export class CarrierClient {
  readonly #redirected: Record<string, string>
  readonly #timeoutMs: number

  constructor({ redirectedHosts = {}, timeoutMs = TIMEOUT_MS }: CarrierClientOptions = {}) {
    this.#redirected = redirectedHosts
    this.#timeoutMs = timeoutMs
  }

  /** Throws for a request that goes beyond its manifest or asks for a secret that is not set; the message holds no secret. */
  async perform(given: { manifest: unknown; request: CarrierRequestV1; secrets: Record<string, string> }): Promise<{
    response: CarrierResponseV1
    bytes: Uint8Array
  }> {
    const [complaint] = requestComplaints(given.manifest as ParsedManifest, given.request)
    if (complaint) throw new Error(`the plugin's request may not be made: ${complaint.pointer} ${complaint.message}`)
    const wire = fillSecrets(given.request, given.secrets)
    const raw = await this.#send(wire, given.request.host).catch(() => NO_ANSWER)
    return { response: responseForPlugin(raw, given.request.accepts), bytes: raw.body }
  }

  labelOf = labelOf

  #send(wire: ReturnType<typeof fillSecrets>, host: string): Promise<RawResponse> {
    const redirected = this.#redirected[host]
    const url = new URL(wire.url)
    const target = redirected === undefined ? url : new URL(url.pathname + url.search, redirected)
    const options: https.RequestOptions = {
      method: wire.method,
      headers: {
        ...wire.headers,
        host,
        'user-agent': 'souk-carrier/1',
        ...(wire.body !== null && { 'content-length': Buffer.byteLength(wire.body) }),
      },
      agent: false,
      ...(redirected === undefined && { lookup: publicLookup }),
      signal: AbortSignal.timeout(this.#timeoutMs),
    }
    return new Promise((done, failed) => {
      const request = (target.protocol === 'http:' ? http : https).request(target, options, (response) => {
        receive(response).then(done, failed)
      })
      request.on('error', failed)
      request.end(wire.body ?? undefined)
    })
  }
}

async function receive(response: http.IncomingMessage): Promise<RawResponse> {
  const chunks: Buffer[] = []
  let received = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    received += chunk.length
    if (received > RESPONSE_BYTES_MAX) {
      response.destroy()
      throw new Error('the answer is too large')
    }
    chunks.push(chunk)
  }
  const headers = Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  )
  return { status: response.statusCode ?? 0, headers, body: Buffer.concat(chunks) }
}
