import type { ContractId } from './contracts/contract.ts'
import { hookOf } from './contracts/contract.ts'
import { membersOf, UNASKED_ROOTS } from './contracts/fields.ts'
import type { Manifest } from './manifest.ts'

/** What to keep: a member named with `true` is a leaf, one with a tree is walked into. */
interface Selection {
  [member: string]: true | Selection
}

const selections = new WeakMap<object, Map<string, Selection>>()

/**
 * The input of one call with nothing in it but the fields that the manifest asked for under this contract. A parent that is
 * null stays null; a list keeps its length. The answer to a plugin's own request (`response`) is always handed over.
 * For a request hook, "{{" inside a text becomes "{ {": else a buyer named "{{secrets.api_key}}" would have the worker print it on a label.
 * The full input is not changed; the result shares its leaves.
 */
export function projectInput(
  manifest: Pick<Manifest, 'input'>,
  contract: ContractId,
  hook: string,
  input: object,
): Record<string, unknown> {
  const projected = project(input, selectionFor(manifest, contract, hook)) as Record<string, unknown>
  return hookOf(contract, hook)?.kind === 'request' ? (withoutPlaceholders(projected) as Record<string, unknown>) : projected
}

function selectionFor(manifest: Pick<Manifest, 'input'>, contract: ContractId, hook: string): Selection {
  const known = selections.get(manifest) ?? new Map<string, Selection>()
  selections.set(manifest, known)
  const key = `${contract}.${hook}`
  const selection = known.get(key) ?? select(contract, hook, manifest.input[contract] ?? [])
  known.set(key, selection)
  return selection
}

/** One list of fields serves all hooks of a contract: each takes those that its own input has. */
function select(contract: ContractId, hook: string, paths: readonly string[]): Selection {
  const input = hookOf(contract, hook)?.input
  if (input === undefined) throw new RangeError(`${contract} has no hook ${hook}`)
  const selection: Selection = Object.create(null)
  for (const root of UNASKED_ROOTS) if (root in input.shape) selection[root] = true
  for (const path of paths) {
    let members = membersOf(input)
    let here = selection
    const steps = path.split('.')
    for (const [index, step] of steps.entries()) {
      const member = members !== undefined && Object.hasOwn(members, step) ? members[step] : undefined
      if (member === undefined) break
      if (index === steps.length - 1) here[step] = true
      else {
        if (typeof here[step] !== 'object') here[step] = Object.create(null) as Selection
        here = here[step]
      }
      members = membersOf(member)
    }
  }
  return selection
}

function project(value: unknown, selection: Selection): unknown {
  if (Array.isArray(value)) return value.map((element) => project(element, selection))
  if (typeof value !== 'object' || value === null) return value
  const projected: Record<string, unknown> = {}
  for (const member in selection) {
    const inner = selection[member]!
    const there = (value as Record<string, unknown>)[member]
    if (there !== undefined) projected[member] = inner === true ? there : project(there, inner)
  }
  return projected
}

function withoutPlaceholders(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll(/\{(?=\{)/g, '{ ')
  if (Array.isArray(value)) return value.map(withoutPlaceholders)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withoutPlaceholders(member)]))
}
