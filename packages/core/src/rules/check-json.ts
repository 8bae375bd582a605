import type { Faults } from './faults.ts'
import { RULE_BYTES_MAX, RULE_JSON_DEPTH_MAX, RULE_NODES_MAX } from './limits.ts'

/**
 * Whether a value is JSON of a size worth looking at. Runs before anything that recurses, on a stack of its own, and stops
 * at the limits: a thousand levels, a million values or an object that holds itself cost no more than the limits allow.
 */
export function checkJson(json: unknown, pointer: string, faults: Faults): boolean {
  const open: { value: unknown; depth: number }[] = [{ value: json, depth: 1 }]
  let nodes = 0
  let bytes = 0
  while (open.length > 0) {
    const { value, depth } = open.pop()!
    bytes += sizeOf(value)
    if (++nodes > RULE_NODES_MAX || bytes > RULE_BYTES_MAX) {
      faults.add(pointer, 'too_large', `Conditions have at most ${RULE_BYTES_MAX} bytes and ${RULE_NODES_MAX} values.`)
      return false
    }
    if (depth > RULE_JSON_DEPTH_MAX) {
      faults.add(pointer, 'too_deep', 'The conditions are nested too deep.')
      return false
    }
    if (typeof value !== 'object' || value === null) {
      if (isJsonScalar(value)) continue
      faults.add(pointer, 'not_json', 'A value is not JSON.')
      return false
    }
    const children = Array.isArray(value) ? value : isPlainObject(value) ? Object.values(value) : undefined
    if (!children) {
      faults.add(pointer, 'not_json', 'A value is not JSON.')
      return false
    }
    if (nodes + open.length + children.length > RULE_NODES_MAX) {
      faults.add(pointer, 'too_large', `Conditions have at most ${RULE_NODES_MAX} values.`)
      return false
    }
    // Not spread: a list may be longer than a call takes arguments. Holes of sparse arrays come out as undefined.
    for (let index = 0; index < children.length; index++) open.push({ value: children[index], depth: depth + 1 })
  }
  return true
}

/** An object as JSON.parse makes it. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function isJsonScalar(value: unknown): boolean {
  return value === null || typeof value === 'boolean' || typeof value === 'string' || Number.isFinite(value)
}

/** Bytes in JSON text, near enough for a limit; escapes are not counted. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length > RULE_BYTES_MAX ? value.length : Buffer.byteLength(value) + 3
  if (!isPlainObject(value)) return 8
  let bytes = 2
  for (const key of Object.keys(value)) bytes += key.length + 4
  return bytes
}
