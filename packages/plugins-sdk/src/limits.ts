import type { ContractId } from './contracts/contract.ts'

// What one call may cost. The host enforces these; the test kit holds a plugin to half of them.

export const BUNDLE_BYTES_MAX = 512_000
export const MANIFEST_BYTES_MAX = 64_000
export const CONFIGURATION_BYTES_MAX = 64_000
export const INPUT_BYTES_MAX = 256_000
export const MEMORY_BYTES_MAX = 128_000_000
export const LOG_LINES_MAX = 8
export const LOG_LINE_BYTES_MAX = 250

const OUTPUT_BYTES_BASE = 20_000
// An operation on a line with a UUID and a sentence is 130 to 180 bytes.
const OUTPUT_BYTES_PER_LINE = 300

/** While a buyer waits for a total. */
export const WALL_MS_CHECKOUT = 50
/** Shipping rates, and what the worker calls. */
export const WALL_MS_FULFILLMENT = 250

/** How long a call may take, in milliseconds; a manifest may ask for less. */
export function wallMsOf(contract: ContractId, limits: { wall_ms?: number } = {}): number {
  const most = contract.startsWith('fulfillment@') ? WALL_MS_FULFILLMENT : WALL_MS_CHECKOUT
  return Math.min(limits.wall_ms ?? most, most)
}

/** How long an answer may be, in bytes of JSON: it grows with the lines of the input. */
export function outputBytesMax(lines: number, limits: { output_bytes?: number } = {}): number {
  const most = OUTPUT_BYTES_BASE + OUTPUT_BYTES_PER_LINE * lines
  return Math.min(limits.output_bytes ?? most, most)
}
