import type { DefinerFunction, Relation } from './catalogue.ts'
import type { Belongings } from './generated-rows.ts'
import type { Statement } from './isolation-cases.ts'

/** The functions whose purpose is to put a merchant in scope. Every other one must leave the scope as it is. */
export const DOORS: ReadonlySet<string> = new Set(['tenancy.enter', 'tenancy.entered'])

/** What the argument of a type can be made of: whatever the other merchant's rows are known by, its id first. */
const ARGUMENTS: Record<string, (names: unknown[], other: Belongings) => unknown[]> = {
  uuid: (names, other) => [other.merchantId, ...names.filter((value) => /^[0-9a-f]{8}-.{27}$/.test(String(value)))],
  text: (names, other) => ['shared-name', 'api', other.merchantId, ...names.filter((value) => String(value).includes(other.canary))],
  jsonb: (_names, other) => [JSON.stringify({ merchantId: other.merchantId }), JSON.stringify({ merchant_id: other.merchantId })],
  bigint: () => [1, 1_000],
  integer: () => [1_000, 1],
  boolean: () => [true, false],
  'timestamp with time zone': () => ['2026-01-01T00:00:00Z'],
}

/** The calls of a function with what is the other merchant's, as many as the argument with the most values has. */
export function callsOf(
  { name, signature, isProcedure, argumentTypes }: DefinerFunction,
  relations: readonly Relation[],
  other: Belongings,
): Statement[] {
  const names = namesOf(relations, other)
  const values = argumentTypes.map((type) => {
    const make = ARGUMENTS[type]
    if (!make) throw new Error(`${signature}: say in ARGUMENTS of function-cases.ts what a ${type} can be.`)
    return [...new Set(make(names, other))]
  })
  const given = argumentTypes.map((type, index) => `$${index + 1}::text::${type}`).join(', ')
  const text = `${isProcedure ? 'call' : 'select * from'} ${name}(${given})`
  const calls = Math.max(1, ...values.map((list) => list.length))
  return Array.from({ length: calls }, (_, call) => ({ text, parameters: values.map((list) => String(list[call % list.length])) }))
}

/** What rows are known by: the values of their unique keys. */
function namesOf(relations: readonly Relation[], other: Belongings): unknown[] {
  return relations.flatMap(({ name, uniqueKeys }) => uniqueKeys.flat().map((column) => other.own.get(name)?.[column]))
}
