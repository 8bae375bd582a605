import { randomUUID } from 'node:crypto'

// The last millisecond an id was made for, and how many were: what is made together is read back in the order it was made.
let lastTime = ''
let counter = 0
const COUNTER_MAX = 0xfff

/**
 * A new UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, 12 bits that count the ids of this millisecond in this process
 * (section 6.2, method 1), then random. Made here, before the database or the outside world hears of it, so that a retry can carry the
 * same id.
 */
export function newId(now: Date = new Date()): string {
  const time = now.getTime().toString(16).padStart(12, '0')
  // A fresh millisecond begins low, so that there is room to count; after the last number the order is lost, not the uniqueness.
  counter = time === lastTime && counter < COUNTER_MAX ? counter + 1 : 0
  lastTime = time
  // Version and variant aside, the rest of a random UUID is what is needed. Node draws these in stock: 0.1 us against 1.9
  // for 16 bytes of randomBytes, and an order takes half a dozen.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}${randomUUID().slice(18)}`
}

/** The smallest id that something of this millisecond can have: the time leads an id. */
export function firstIdOf(moment: Date): string {
  const time = Math.max(0, moment.getTime()).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`
}
