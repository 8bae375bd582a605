import type { z } from 'zod'
import { CONTRACTS, type ContractId } from './contract.ts'

export interface Field {
  /** 'lines.quantity' */
  path: string
  description: string
  /** It tells of a person: the merchant is asked before such a plugin is installed. */
  personal: boolean
}

/** Given to every parse hook unasked: it is the answer to the plugin's own request. */
export const UNASKED_ROOTS = ['response']

const PERSONAL_ROOTS = ['customer', 'destination.postcode', 'destination.city', 'shipment.recipient', 'codes']

const catalogues = new Map<ContractId, Field[]>()

/** Every field that a manifest may ask for under a contract, over all its hooks, in the order of the schemas. */
export function fieldsOf(contract: ContractId): Field[] {
  const known = catalogues.get(contract)
  if (known !== undefined) return known
  const found = new Map<string, Field>()
  for (const { input } of Object.values(CONTRACTS[contract].hooks)) {
    for (const field of walk(input, '')) found.set(field.path, field)
  }
  const fields = [...found.values()].filter(({ path }) => !UNASKED_ROOTS.includes(rootOf(path)))
  catalogues.set(contract, fields)
  return fields
}

/** The schema inside null, undefined and defaults. */
export function unwrapped(schema: z.ZodType): z.ZodType {
  const { type, innerType } = schema.def as unknown as { type: string; innerType?: z.ZodType }
  return innerType !== undefined && ['nullable', 'optional', 'default'].includes(type) ? unwrapped(innerType) : schema
}

/** The members of an object or of a list of objects; undefined for a leaf. */
export function membersOf(schema: z.ZodType): Record<string, z.ZodType> | undefined {
  const bare = unwrapped(schema)
  const { type, element, shape } = bare.def as unknown as { type: string; element?: z.ZodType; shape?: Record<string, z.ZodType> }
  if (type === 'array' && element !== undefined) return membersOf(element)
  return type === 'object' ? shape : undefined
}

function* walk(schema: z.ZodType, prefix: string): Generator<Field> {
  for (const [key, member] of Object.entries(membersOf(schema) ?? {})) {
    const path = prefix + key
    if (membersOf(member) === undefined) yield { path, description: descriptionOf(member), personal: isPersonal(path) }
    else yield* walk(member, `${path}.`)
  }
}

function descriptionOf(schema: z.ZodType): string {
  return schema.meta()?.description ?? unwrapped(schema).meta()?.description ?? ''
}

function isPersonal(path: string): boolean {
  return PERSONAL_ROOTS.some((root) => path === root || path.startsWith(`${root}.`))
}

function rootOf(path: string): string {
  return path.split('.', 1)[0] ?? path
}
