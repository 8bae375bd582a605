import { followed, type JsonSchema, type PublishedContract } from './json-schema.ts'

// A published major only grows. A plugin of last year reads an input that has at least what it had, and its answers are still
// taken. So the two directions have opposite rules: what the shop hands in may not lose or loosen anything, what it takes may
// not tighten anything.

/** Where a contract no longer holds what its published copy promised. None: the change only adds. */
export function incompatibilities(published: PublishedContract, current: PublishedContract): string[] {
  const found: string[] = []
  for (const [name, before] of Object.entries(published.hooks)) {
    const now = current.hooks[name]
    if (now === undefined) {
      found.push(`${name}: the hook is gone`)
      continue
    }
    if (now.kind !== before.kind) found.push(`${name}: was ${before.kind}, is ${now.kind}`)
    if (now.required && !before.required) found.push(`${name}: plugins without it were fine`)
    narrowed(followed(current, now.input), followed(published, before.input), `${name} input`, found)
    narrowed(followed(published, before.output), followed(current, now.output), `${name} output`, found)
  }
  for (const [name, now] of Object.entries(current.hooks)) {
    if (published.hooks[name] === undefined && now.required) found.push(`${name}: a new hook must be one that may be left out`)
  }
  return found
}

/**
 * Complains unless every value of `inner` is also one of `outer`, when members that `outer` does not know are overlooked. For inputs
 * `inner` is what is handed in now and `outer` what was promised; for outputs `inner` is what was allowed and `outer` what is taken now.
 */
function narrowed(inner: JsonSchema, outer: JsonSchema, at: string, found: string[]): void {
  const choices = branches(inner)
  const outers = branches(outer)
  if (choices.length > 1 || outers.length > 1) {
    for (const choice of choices) {
      const closest = outers.map((branch) => complaintsOf(choice, branch, at)).sort((a, b) => a.length - b.length)[0]!
      found.push(...closest)
    }
    return
  }
  found.push(...complaintsOf(choices[0]!, outers[0]!, at))
}

function complaintsOf(inner: JsonSchema, outer: JsonSchema, at: string): string[] {
  const found: string[] = []
  const isInput = at.includes(' input')
  const complain = (text: string) => found.push(`${at}: ${text}`)
  if (inner.type !== outer.type && !(inner.type === 'integer' && outer.type === 'number')) {
    complain(`${inner.type} is not ${outer.type}`)
    return found
  }
  if (!sameOrFewer(valuesOf(inner), valuesOf(outer))) complain('has values that the other side does not know')
  for (const [key, sign] of BOUNDS) if (!within(inner[key], outer[key], sign)) complain(`${key} ${inner[key]} is beyond ${outer[key]}`)
  for (const key of ['pattern', 'format'] as const) {
    if (outer[key] !== undefined && outer[key] !== inner[key]) complain(`${key} ${inner[key]} is not ${outer[key]}`)
  }
  if (inner.items !== undefined && outer.items !== undefined) narrowed(inner.items, outer.items, `${at}[]`, found)
  for (const [name, member] of Object.entries(outer.properties ?? {})) {
    const there = inner.properties?.[name]
    if (outer.required?.includes(name) && !inner.required?.includes(name))
      complain(`${name} ${isInput ? 'is no longer always there' : 'was not asked for'}`)
    else if (there === undefined && isInput) complain(`${name} is gone`)
    if (there !== undefined) narrowed(there, member, `${at}.${name}`, found)
  }
  if (!isInput && outer.additionalProperties === false) {
    for (const name of Object.keys(inner.properties ?? {}))
      if (outer.properties?.[name] === undefined) complain(`${name} is no longer taken`)
  }
  return found
}

const BOUNDS = [
  ['minimum', 1],
  ['minLength', 1],
  ['minItems', 1],
  ['maximum', -1],
  ['maxLength', -1],
  ['maxItems', -1],
] as const

function within(inner: number | undefined, outer: number | undefined, sign: 1 | -1): boolean {
  if (outer === undefined) return true
  return inner !== undefined && (inner - outer) * sign >= 0
}

function branches(schema: JsonSchema): JsonSchema[] {
  if (Array.isArray(schema.type)) return schema.type.map((type) => ({ ...schema, type }))
  return schema.anyOf ?? schema.oneOf ?? [schema]
}

function valuesOf(schema: JsonSchema): unknown[] | undefined {
  return schema.const !== undefined ? [schema.const] : schema.enum
}

function sameOrFewer(inner: unknown[] | undefined, outer: unknown[] | undefined): boolean {
  return outer === undefined || inner?.every((value) => outer.includes(value)) === true
}
