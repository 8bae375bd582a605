import { fillSecrets, labelOf, requestComplaints, responseForPlugin } from '../carrier.ts'
import type { CarrierRequestV1 } from '../contracts/carrier-request.ts'
import { CONTRACTS } from '../contracts/contract.ts'
import type { ParseLabelOutputV1 } from '../contracts/fulfillment.ts'
import { type Bundle, PluginFault } from './bundle.ts'
import { callPlugin } from './sandbox.ts'

/** A request as a carrier receives it, secrets filled in. */
export interface SentRequest {
  url: string
  method: string
  headers: Record<string, string>
  body: string | null
}

/** A stand-in for a carrier: answers a request. Throwing is the carrier not answering. */
export type Carrier = (request: SentRequest) => { status: number; headers?: Record<string, string>; body?: string | Uint8Array }

export interface CarrierTalk {
  /** What was sent; undefined when the plugin had nothing to ask, and why. */
  request?: SentRequest
  nothingToDo?: string
  /** What the parse hook read. */
  output?: unknown
  /** The label's bytes, when the plugin says that one is ready. */
  label?: Uint8Array
}

/**
 * Plays a shop's worker: asks a request hook of fulfillment@1 (`createShipment`, `fetchLabel`, `track`, `cancelShipment`), holds its request
 * against the manifest, fills in the secrets, hands it to the carrier, and lets the parse hook read the answer.
 */
export async function askCarrier(
  bundle: Bundle,
  hook: string,
  input: object,
  configuration: object,
  { secrets, carrier }: { secrets: Record<string, string>; carrier: Carrier },
): Promise<CarrierTalk> {
  const parse = Object.entries(CONTRACTS['fulfillment@1'].hooks).find(([, { answers }]) => answers === hook)?.[0]
  if (parse === undefined) throw new PluginFault(`${hook} is no request hook of fulfillment@1.`)
  const asked = await settled(bundle, hook, input, configuration)
  if ('nothing_to_do' in asked) return { nothingToDo: asked.nothing_to_do as string }
  const request = asked.request as CarrierRequestV1
  const [complaint] = requestComplaints(bundle.manifest, request)
  if (complaint !== undefined) throw new PluginFault(`The worker would not send this: ${complaint.pointer} ${complaint.message}`)
  const sent = fillSecrets(request, secrets)
  const answered = answerOf(carrier, sent)
  const output = await settled(bundle, parse, { ...input, response: responseForPlugin(answered, request.accepts) }, configuration)
  if (parse !== 'parseLabel' || output.outcome !== 'ready') return { request: sent, output }
  const label = labelOf(output as Extract<ParseLabelOutputV1, { outcome: 'ready' }>, answered.body)
  if (label === undefined) throw new PluginFault('There is no label where parseLabel says that it is.')
  return { request: sent, output, label }
}

function answerOf(carrier: Carrier, sent: SentRequest): { status: number; headers: Record<string, string>; body: Uint8Array } {
  try {
    const { status, headers = {}, body = '' } = carrier(sent)
    return { status, headers, body: typeof body === 'string' ? new TextEncoder().encode(body) : body }
  } catch {
    return { status: 0, headers: {}, body: new Uint8Array() }
  }
}

async function settled(bundle: Bundle, hook: string, input: object, configuration: object): Promise<Record<string, unknown>> {
  const answer = await callPlugin(bundle, 'fulfillment@1', hook, input, configuration)
  if (!answer.ok) throw new PluginFault(`${hook} failed: ${answer.reason}: ${answer.detail}`)
  return answer.output as Record<string, unknown>
}
