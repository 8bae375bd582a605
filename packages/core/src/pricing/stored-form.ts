import { createHash } from 'node:crypto'

/** The stored form of a pricing input or result: what JSON.stringify needs to write, amounts as numbers. */
export function storePricing(value: unknown): string {
  return JSON.stringify(value, (_key, member) => (typeof member === 'bigint' ? Number(member) : member))
}

/** JSON with its keys in code unit order and nothing else between: equal values give equal text. Bigints become numbers. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member) => {
    if (typeof member === 'bigint') return Number(member)
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}

/** The address of a value by its content: SHA-256 of its canonical JSON, in hexadecimal. */
export function contentHash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex')
}
