import { z } from 'zod'
import { CONTRACTS, type ContractId, type HookKind } from './contract.ts'

/** The part of JSON Schema 2020-12 in which contracts are written. */
export interface JsonSchema {
  type?: string | string[]
  properties?: Record<string, JsonSchema>
  required?: string[]
  additionalProperties?: boolean | JsonSchema
  items?: JsonSchema
  anyOf?: JsonSchema[]
  oneOf?: JsonSchema[]
  enum?: unknown[]
  const?: unknown
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
  pattern?: string
  format?: string
  description?: string
  /** '#/hooks/createShipment/input': the same as written there. */
  $ref?: string
}

export interface PublishedHook {
  kind: HookKind
  required: boolean
  /** What the shop hands in. */
  input: JsonSchema
  /** What the shop takes. */
  output: JsonSchema
}

export interface PublishedContract {
  contract: ContractId
  version: string
  hooks: Record<string, PublishedHook>
}

/** A contract as it is published: contracts/discount@1.json, and the tables of the reference. What several hooks share is written once. */
export function publishedContract(id: ContractId): PublishedContract {
  const { version, hooks } = CONTRACTS[id]
  const written = new Map<string, string>()
  const once = (schema: JsonSchema, place: string): JsonSchema => {
    const text = JSON.stringify(schema)
    const before = written.get(text)
    if (before !== undefined) return { $ref: before }
    written.set(text, place)
    return schema
  }
  const published = Object.entries(hooks).map(([name, hook]) => {
    const input = once(schemaOf(hook.input, 'output'), `#/hooks/${name}/input`)
    const output = once(schemaOf(hook.output, 'input'), `#/hooks/${name}/output`)
    return [name, { kind: hook.kind, required: hook.required, input, output }] as const
  })
  return { contract: id, version, hooks: Object.fromEntries(published) }
}

/** A schema of a published contract with its reference followed. */
export function followed(contract: PublishedContract, schema: JsonSchema): JsonSchema {
  const [, name = '', side = ''] = /^#\/hooks\/(\w+)\/(input|output)$/.exec(schema.$ref ?? '') ?? []
  return contract.hooks[name]?.[side as 'input' | 'output'] ?? schema
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  // A date's pattern is a screenful and says no more than its format.
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io,
    override: ({ jsonSchema }) => {
      if (jsonSchema.format === 'date-time') delete jsonSchema.pattern
    },
  })
  return rest as JsonSchema
}
