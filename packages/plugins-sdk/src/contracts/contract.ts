import type { z } from 'zod'
import { requestOutputV1 } from './carrier-request.ts'
import { discountInputV1, discountOutputV1 } from './discount.ts'
import { discountInputV2, discountOutputV2 } from './discount-v2.ts'
import {
  parseCancellationOutputV1,
  parseLabelOutputV1,
  parseShipmentOutputV1,
  parseTrackingOutputV1,
  ratesInputV1,
  ratesOutputV1,
  shipmentAnswerInputV1,
  shipmentInputV1,
} from './fulfillment.ts'
import { taxInputV1, taxOutputV1 } from './tax.ts'

export const CONTRACT_NAMES = ['discount', 'tax', 'fulfillment'] as const
export type ContractName = (typeof CONTRACT_NAMES)[number]

export const CONTRACT_IDS = ['discount@1', 'discount@2', 'tax@1', 'fulfillment@1'] as const
export type ContractId = (typeof CONTRACT_IDS)[number]

/**
 * pure: answers from its input, while a buyer waits.
 * request: describes a request that the worker performs.
 * parse: reads the answer to the request of the hook named in `answers`, in the worker.
 */
export type HookKind = 'pure' | 'request' | 'parse'

export interface Hook {
  kind: HookKind
  answers?: string
  /** A bundle that meets the contract has this hook; the others it may leave out. */
  required: boolean
  input: z.ZodObject
  output: z.ZodType
}

export interface Contract {
  id: ContractId
  name: ContractName
  major: number
  /** What the shop of this SDK speaks. Minors only add. */
  version: string
  /** When it was first served, and when it will be served no more: an ISO date, or null while none is set. */
  since: string
  sunset: string | null
  hooks: Record<string, Hook>
}

const pure = (input: z.ZodObject, output: z.ZodType): Hook => ({ kind: 'pure', required: true, input, output })
const request = (): Hook => ({ kind: 'request', required: false, input: shipmentInputV1, output: requestOutputV1 })
const parse = (answers: string, output: z.ZodType): Hook => ({
  kind: 'parse',
  answers,
  required: false,
  input: shipmentAnswerInputV1,
  output,
})

/** Every contract that is served. Two majors of one name are served side by side: docs/plugins/contracts.md. */
export const CONTRACTS: Record<ContractId, Contract> = {
  'discount@1': {
    id: 'discount@1',
    name: 'discount',
    major: 1,
    version: '1.0.0',
    since: '2026-11-01',
    sunset: null,
    hooks: { run: pure(discountInputV1, discountOutputV1) },
  },
  'discount@2': {
    id: 'discount@2',
    name: 'discount',
    major: 2,
    version: '2.0.0',
    since: '2026-11-01',
    sunset: null,
    hooks: { run: pure(discountInputV2, discountOutputV2) },
  },
  'tax@1': {
    id: 'tax@1',
    name: 'tax',
    major: 1,
    version: '1.0.0',
    since: '2026-11-01',
    sunset: null,
    hooks: { run: pure(taxInputV1, taxOutputV1) },
  },
  'fulfillment@1': {
    id: 'fulfillment@1',
    name: 'fulfillment',
    major: 1,
    version: '1.0.0',
    since: '2026-11-01',
    sunset: null,
    hooks: {
      rates: pure(ratesInputV1, ratesOutputV1),
      createShipment: request(),
      parseShipment: parse('createShipment', parseShipmentOutputV1),
      fetchLabel: request(),
      parseLabel: parse('fetchLabel', parseLabelOutputV1),
      track: request(),
      parseTracking: parse('track', parseTrackingOutputV1),
      cancelShipment: request(),
      parseCancellation: parse('cancelShipment', parseCancellationOutputV1),
    },
  },
}

/** The hook of a contract, by name. Undefined when the contract has none of that name. */
export function hookOf(contract: ContractId, hook: string): Hook | undefined {
  return Object.hasOwn(CONTRACTS[contract].hooks, hook) ? CONTRACTS[contract].hooks[hook] : undefined
}
