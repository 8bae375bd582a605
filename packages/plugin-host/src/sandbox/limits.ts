// What one call, one isolate and one runner may use. Measured where a number looks odd: see docs/decisions/0009-plugins-run-elsewhere.md.

/** While a buyer waits for a total. */
export const WALL_MS_DEFAULT = 50
/** Shipping rates, and what the worker asks of a carrier's plugin. */
export const WALL_MS_FULFILLMENT = 250
export const WALL_MS_MAX = 1_000

/** How long after its time a call may still be running before its process is killed: the engine cannot interrupt everything. */
export const KILL_GRACE_MS = 100
/** For how long a kill is put off at most while the process was denied the processor, if nobody says otherwise; at least for as long as the call had. */
export const PUT_OFF_MS_MAX = 1_000
/** Making an isolate and compiling a bundle into it; none of the plugin's own code runs then. */
export const LOAD_MS_MAX = 500

export const BUNDLE_BYTES_MAX = 512_000
export const CONFIGURATION_BYTES_MAX = 64_000
export const INPUT_BYTES_MAX = 256_000
const OUTPUT_BYTES_BASE = 20_000
// An operation on a line with a UUID and a sentence is 130 to 180 bytes.
const OUTPUT_BYTES_PER_LINE = 300
/** An answer is a list of operations; deeper nesting would be a trap for whoever reads it recursively. */
export const OUTPUT_DEPTH_MAX = 32
export const LOG_LINES_MAX = 8
export const LOG_LINE_BYTES_MAX = 250
export const DETAIL_CHARACTERS_MAX = 300

/**
 * The engine's own limit for one isolate, in MiB. High on purpose: at 128 a plugin needs 0.7 s of allocating to reach it and is stopped
 * after 0.05 s, while reaching it can abort the process. Costs no memory by itself.
 */
export const ISOLATE_MEMORY_MIB = 128
/** A cart of 1,000 lines leaves up to 13 MB of rubbish behind, one of 200 lines 2 MB. */
export const HEAP_BYTES_KEPT_MAX = 16_000_000
export const EXTERNAL_BYTES_KEPT_MAX = 8_000_000
export const CALLS_PER_ISOLATE_MAX = 50_000
export const ISOLATE_AGE_MS_MAX = 30 * 60_000
/** About 2.2 MB resident each, 4 MB after thousands of calls. */
export const ISOLATES_MAX = 150
export const BUNDLES_KEPT_BYTES_MAX = 32_000_000

/** How long an answer may be by default, in bytes of JSON: it grows with the lines of the input. */
export function outputBytesMax(input: unknown): number {
  const lines = (input as { lines?: unknown } | null)?.lines
  return OUTPUT_BYTES_BASE + OUTPUT_BYTES_PER_LINE * (Array.isArray(lines) ? lines.length : 0)
}

/** How long a hook may take by default, in milliseconds. */
export function wallMsOf(hook: string): number {
  return hook.startsWith('fulfillment@') ? WALL_MS_FULFILLMENT : WALL_MS_DEFAULT
}
