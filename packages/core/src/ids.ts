import { randomUUID } from 'node:crypto'

/**
 * A new UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then random. Made here, before the database or
 * the outside world hears of it, so that a retry can carry the same id.
 */
export function newId(now: Date = new Date()): string {
  const time = now.getTime().toString(16).padStart(12, '0')
  // Version and variant aside, the rest of a random UUID is what is needed. Node draws these in stock: 0.1 us against 1.9
  // for 16 bytes of randomBytes, and an order takes half a dozen.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`
}

/** The smallest id that something of this millisecond can have: the time leads an id. */
export function firstIdOf(moment: Date): string {
  const time = Math.max(0, moment.getTime()).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`
}
