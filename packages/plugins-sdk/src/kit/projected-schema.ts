import { z } from 'zod'
import { type ContractId, hookOf } from '../contracts/contract.ts'
import { UNASKED_ROOTS, unwrapped } from '../contracts/fields.ts'
import type { Manifest } from '../manifest.ts'

/** The schema of what a plugin really sees: the contract's input, cut to the fields of its manifest. */
export function projectedSchema(manifest: Pick<Manifest, 'input'>, contract: ContractId, hook: string): z.ZodType {
  const input = hookOf(contract, hook)?.input
  if (input === undefined) throw new RangeError(`${contract} has no hook ${hook}`)
  const unasked = UNASKED_ROOTS.filter((root) => root in input.shape)
  return cut(input, [...(manifest.input[contract] ?? []), ...unasked])
}

function cut(schema: z.ZodType, paths: readonly string[]): z.ZodType {
  const definition = schema.def as unknown as {
    type: string
    innerType?: z.ZodType
    element?: z.ZodType
    shape?: Record<string, z.ZodType>
  }
  if (definition.type === 'nullable') return z.nullable(cut(definition.innerType!, paths))
  if (definition.type === 'array') return z.array(cut(definition.element!, paths))
  if (definition.type !== 'object') return schema
  const members = Object.entries(definition.shape!).flatMap(([name, member]) => {
    if (paths.includes(name)) return [[name, member] as const]
    const inner = paths.filter((path) => path.startsWith(`${name}.`)).map((path) => path.slice(name.length + 1))
    return inner.length === 0 || isLeaf(member) ? [] : [[name, cut(member, inner)] as const]
  })
  return z.strictObject(Object.fromEntries(members))
}

function isLeaf(schema: z.ZodType): boolean {
  return !['object', 'array'].includes(unwrapped(schema).def.type)
}
