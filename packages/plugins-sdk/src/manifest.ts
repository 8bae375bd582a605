import { satisfies, validRange } from 'semver'
import { z } from 'zod'
import type { ConfigurationSchema } from './configuration.ts'
import { configurationSchemaSchema } from './configuration.ts'
import { METHODS } from './contracts/carrier-request.ts'
import { CONTRACT_IDS, CONTRACTS, type ContractId, type ContractName } from './contracts/contract.ts'
import { fieldsOf } from './contracts/fields.ts'
import { WALL_MS_FULFILLMENT } from './limits.ts'

/** The version of this package, as a manifest's `sdk` range must contain it. package.json says the same: a test compares them. */
export const SDK_VERSION = '1.0.0'

export interface AllowedHost {
  /** A public DNS name, no wildcard and no port: https on 443. */
  readonly host: string
  readonly methods: readonly (typeof METHODS)[number][]
  /** Why, for the merchant who is asked. */
  readonly description?: string
}

export interface Secret {
  readonly title: string
  readonly description?: string
  /** The only hosts it is sent to; each is one of `hosts`. */
  readonly hosts: readonly string[]
}

export interface Manifest {
  /** Lower case, digits and dashes: what a shop knows the plugin by. */
  readonly name: string
  /** Semantic version. A released version never changes: its digest is kept. */
  readonly version: string
  readonly title: string
  readonly description?: string
  readonly author?: string
  /** Versions of @souk/plugins-sdk it was written for: "^1.0.0". */
  readonly sdk: string
  /** Which contracts it fills, by range: { discount: '^1' }. */
  readonly contracts: { readonly [Name in ContractName]?: string }
  /** The fields it sees under each contract. It gets these and nothing else. */
  readonly input: { readonly [Id in ContractId]?: readonly string[] }
  /** What a merchant may set. Left out: nothing. */
  readonly configuration?: ConfigurationSchema
  /** What a merchant enters and only the worker sees, as `{{secrets.name}}` in a request. */
  readonly secrets?: { readonly [name: string]: Secret }
  readonly hosts?: readonly AllowedHost[]
  readonly limits?: { readonly wall_ms?: number; readonly output_bytes?: number }
}

const FIELDS_MAX = 100
const nameSchema = z.string().regex(/^[a-z][a-z0-9-]{1,62}[a-z0-9]$/, 'is not lower case letters, digits and dashes (3 to 64)')
const versionSchema = z
  .string()
  .max(100)
  .regex(/^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/, 'is no semantic version such as 1.2.0')
const rangeSchema = z
  .string()
  .max(100)
  .refine((range) => validRange(range) !== null, 'is no range such as ^1')
const hostSchema = z
  .string()
  .max(253)
  .regex(/^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z]$/, 'is no public host name')
  .refine((host) => !/\.(localhost|local|internal|lan|home|corp|onion|test|invalid)$/.test(host), 'is no public host name')

const manifestShape = z.strictObject({
  name: nameSchema,
  version: versionSchema,
  title: z.string().min(1).max(100),
  description: z.string().max(1_000).optional(),
  author: z.string().max(200).optional(),
  sdk: rangeSchema.refine((range) => satisfies(SDK_VERSION, range), `does not contain ${SDK_VERSION}, the SDK of this shop`),
  contracts: z.strictObject({ discount: rangeSchema.optional(), tax: rangeSchema.optional(), fulfillment: rangeSchema.optional() }),
  input: z.partialRecord(z.enum(CONTRACT_IDS), z.array(z.string().max(200)).max(FIELDS_MAX)),
  configuration: configurationSchemaSchema.default({ type: 'object', properties: {} }),
  secrets: z
    .record(
      z.string().regex(/^[a-z][a-z0-9_]{0,49}$/),
      z.strictObject({
        title: z.string().min(1).max(100),
        description: z.string().max(500).optional(),
        hosts: z.array(hostSchema).min(1).max(10),
      }),
    )
    .default({}),
  hosts: z
    .array(z.strictObject({ host: hostSchema, methods: z.array(z.enum(METHODS)).min(1), description: z.string().max(500).optional() }))
    .max(10)
    .default([]),
  limits: z
    .strictObject({ wall_ms: z.int().min(1).max(WALL_MS_FULFILLMENT).optional(), output_bytes: z.int().min(100).optional() })
    .default({}),
})

type Shape = z.output<typeof manifestShape>
interface Complaint {
  path: (string | number)[]
  message: string
}

/** A manifest with its defaults filled in. */
export type ParsedManifest = Manifest & Required<Pick<Manifest, 'configuration' | 'secrets' | 'hosts' | 'limits'>>

/** A manifest that this SDK's shop can serve. Its parts agree with each other, and every field asked for exists. */
export const manifestSchema = manifestShape.superRefine((manifest, context) => {
  for (const complaint of [...contractComplaints(manifest), ...fieldComplaints(manifest), ...hostComplaints(manifest)]) {
    context.addIssue({ code: 'custom', ...complaint })
  }
}) as unknown as z.ZodType<ParsedManifest, Manifest>

/** The contracts that a manifest's plugin is called under, as 'discount@1'. */
export function contractIdsOf(manifest: Pick<Manifest, 'input'>): ContractId[] {
  return CONTRACT_IDS.filter((id) => manifest.input[id] !== undefined)
}

function* contractComplaints({ contracts, input }: Shape): Generator<Complaint> {
  const ids = contractIdsOf({ input })
  if (Object.keys(contracts).length === 0) yield { path: ['contracts'], message: 'names no contract' }
  for (const [name, range] of Object.entries(contracts)) {
    if (range === undefined) continue
    const served = CONTRACT_IDS.filter((id) => CONTRACTS[id].name === name && satisfies(CONTRACTS[id].version, range))
    if (served.length === 0) yield { path: ['contracts', name], message: `${range} contains no version that is served` }
    else if (!ids.some((id) => served.includes(id))) {
      yield { path: ['input'], message: `says nothing for ${served.join(' or ')}; an empty list is a choice too` }
    }
  }
  for (const id of ids) {
    const range = contracts[CONTRACTS[id].name]
    if (range === undefined || !satisfies(CONTRACTS[id].version, range)) {
      yield { path: ['input', id], message: `is outside what contracts says of ${CONTRACTS[id].name}` }
    }
  }
}

function* fieldComplaints({ input }: Shape): Generator<Complaint> {
  for (const id of contractIdsOf({ input })) {
    const known = new Set(fieldsOf(id).map(({ path }) => path))
    const asked = new Set<string>()
    for (const [index, path] of (input[id] ?? []).entries()) {
      if (!known.has(path)) yield { path: ['input', id, index], message: `${path} is no field of ${id}` }
      if (asked.has(path)) yield { path: ['input', id, index], message: `${path} is asked for twice` }
      asked.add(path)
    }
  }
}

function* hostComplaints({ hosts, secrets, contracts }: Shape): Generator<Complaint> {
  const names = hosts.map(({ host }) => host)
  if (hosts.length > 0 && contracts.fulfillment === undefined) {
    yield { path: ['hosts'], message: 'only a fulfillment plugin has requests to make' }
  }
  for (const [index, host] of names.entries()) {
    if (names.indexOf(host) !== index) yield { path: ['hosts', index], message: `${host} is listed twice` }
  }
  for (const [name, secret] of Object.entries(secrets)) {
    for (const [index, host] of secret.hosts.entries()) {
      if (!names.includes(host)) yield { path: ['secrets', name, 'hosts', index], message: `${host} is not among hosts` }
    }
  }
}
