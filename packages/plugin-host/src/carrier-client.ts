import { lookup as resolve } from 'node:dns'
import http from 'node:http'
import https from 'node:https'
import { BlockList, type LookupFunction } from 'node:net'
import { fillSecrets, labelOf, requestComplaints, responseForPlugin } from '@souk/plugins-sdk/carrier.ts'
import type { CarrierRequestV1, CarrierResponseV1 } from '@souk/plugins-sdk/contracts/carrier-request.ts'
import type { ParsedManifest } from '@souk/plugins-sdk/manifest.ts'

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

// Addresses that are no public carrier's: this machine, its networks, and the tunnels that lead back to them.
// Two lists: in one, the range of mapped addresses would hold every IPv4 address too.
const NOT_PUBLIC_4 = new BlockList()
const NOT_PUBLIC_6 = new BlockList()
const RANGES_4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const
const RANGES_6 = [
  ['::', 96],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const
for (const [network, bits] of RANGES_4) NOT_PUBLIC_4.addSubnet(network, bits, 'ipv4')
for (const [network, bits] of RANGES_6) NOT_PUBLIC_6.addSubnet(network, bits, 'ipv6')

/** A public address, by the IANA special-purpose registries. IPv4 inside IPv6 is never one. */
export function isPublicAddress(address: string, family: number): boolean {
  return family === 6 ? !NOT_PUBLIC_6.check(address, 'ipv6') : !NOT_PUBLIC_4.check(address, 'ipv4')
}

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

/** Resolves a name to a public address and hands out that one alone: what was checked is what is connected to. */
const publicLookup: LookupFunction = (hostname, _options, callback) => {
  resolve(hostname, { all: true, verbatim: true }, (error, addresses) => {
    const chosen = addresses?.find(({ address, family }) => isPublicAddress(address, family))
    if (error || !chosen || addresses.some(({ address, family }) => !isPublicAddress(address, family))) {
      callback(error ?? Object.assign(new Error('the host has no public address'), { code: 'ENOTPUBLIC' }), '', 4)
    } else if (_options.all) callback(null, [chosen])
    else callback(null, chosen.address, chosen.family)
  })
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
