import type { Faults } from './faults.ts'
import { RULE_BYTES_MAX, RULE_JSON_DEPTH_MAX, RULE_NODES_MAX } from './limits.ts'

/**
 * Whether a value is JSON of a size worth looking at. Runs before anything that recurses, on a stack of its own, and stops
 * at the limits: a thousand levels, a million values or an object that holds itself cost no more than the limits allow.
 */
export function checkJson(json: unknown, pointer: string, faults: Faults): boolean {
  const fault = new JsonWalk().faultOf(json)
  if (fault) faults.add(pointer, fault, DETAILS[fault])
  return fault === undefined
}

type JsonFault = 'too_large' | 'too_deep' | 'not_json'

const DETAILS: Record<JsonFault, string> = {
  too_large: `Conditions have at most ${RULE_BYTES_MAX} bytes and ${RULE_NODES_MAX} values.`,
  too_deep: 'The conditions are nested too deep.',
  not_json: 'A value is not JSON.',
}

class JsonWalk {
  private readonly open: { value: unknown; depth: number }[] = []
  private nodes = 0
  private bytes = 0

  faultOf(json: unknown): JsonFault | undefined {
    this.open.push({ value: json, depth: 1 })
    for (let next = this.open.pop(); next; next = this.open.pop()) {
      const fault = this.visit(next.value, next.depth)
      if (fault) return fault
    }
    return undefined
  }

  private visit(value: unknown, depth: number): JsonFault | undefined {
    if (++this.nodes > RULE_NODES_MAX || this.bytes > RULE_BYTES_MAX) return 'too_large'
    if (depth > RULE_JSON_DEPTH_MAX) return 'too_deep'
    if (typeof value !== 'object' || value === null) return this.visitScalar(value)
    if (Array.isArray(value)) return this.visitChildren(value, depth)
    if (!isPlainObject(value)) return 'not_json'
    const keys = Object.keys(value)
    if (keys.length > RULE_NODES_MAX) return 'too_large'
    for (const key of keys) this.bytes += key.length + 4
    return this.visitChildren(
      keys.map((key) => value[key]),
      depth,
    )
  }

  private visitScalar(value: unknown): JsonFault | undefined {
    if (typeof value === 'string') this.bytes += value.length > RULE_BYTES_MAX ? value.length : Buffer.byteLength(value) + 3
    else if (value === null || typeof value === 'boolean' || Number.isFinite(value)) this.bytes += 8
    else return 'not_json'
    return this.bytes > RULE_BYTES_MAX ? 'too_large' : undefined
  }

  private visitChildren(children: readonly unknown[], depth: number): JsonFault | undefined {
    if (this.nodes + this.open.length + children.length > RULE_NODES_MAX) return 'too_large'
    // By index: holes of sparse lists come out as undefined, which is not JSON.
    for (let index = 0; index < children.length; index++) this.open.push({ value: children[index], depth: depth + 1 })
    return undefined
  }
}

/** An object as JSON.parse makes it. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
