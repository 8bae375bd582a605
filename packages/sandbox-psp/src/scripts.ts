import { z } from 'zod'
import { DECLINES, type DeclineCode } from './card-tokens.ts'

// How the provider is told to misbehave, and whether it does so this time.

export const CALLS = ['authorize', 'capture', 'void', 'refund', 'lookup'] as const
export type CallKind = (typeof CALLS)[number]

export const DELAY_MS_MAX = 120_000
const when = z.enum(['before', 'after']).default('after')
const delayMs = z.int().min(0).max(DELAY_MS_MAX)
export const declineCode = z.enum(Object.keys(DECLINES) as [DeclineCode, ...DeclineCode[]])
export const amount = z.int().min(1).max(1_000_000_000_000)
export const currency = z.string().regex(/^[A-Z]{3}$/)
export const seed = z.int().min(0).max(0xffff_ffff)

export const faultSchema = z.discriminatedUnion('kind', [
  /** Waits before or after it has done and journaled what it was asked. */
  z.strictObject({ kind: z.literal('slow'), ms: delayMs, when }),
  /** The connection is cut: before anything was done, or after it was done and journaled. */
  z.strictObject({ kind: z.literal('drop'), when }),
  z.strictObject({ kind: z.literal('error'), status: z.int().min(500).max(599).default(500), when }),
  /** Answers 200 with something that is no JSON, once it is done. */
  z.strictObject({ kind: z.literal('garbage') }),
  /** Sends the whole answer a second time over the same connection. */
  z.strictObject({ kind: z.literal('answer_twice') }),
  /** From now on says another amount or currency of this payment than it has charged. */
  z.strictObject({ kind: z.literal('lie'), amount: amount.optional(), currency: currency.optional() }),
  z.strictObject({ kind: z.literal('decline'), code: declineCode }),
  /** The buyer has to approve, whatever the token. */
  z.strictObject({ kind: z.literal('require_action') }),
  /** The outcome comes later: well, or declined. */
  z.strictObject({ kind: z.literal('settle_late'), ms: delayMs, decline: declineCode.nullable().default(null) }),
])

export const newScript = z.strictObject({
  /** Of this account alone; else of all. */
  account: z.string().max(100).nullable().default(null),
  on: z.array(z.enum(CALLS)).min(1).default(['authorize', 'capture', 'void', 'refund']),
  /** Runs so many times, then never again. Without: always. */
  times: z.int().min(1).max(1_000_000).nullable().default(null),
  /** The part of the calls that it runs for. */
  fraction: z.number().min(0).max(1).default(1),
  seed: seed.default(1),
  fault: faultSchema,
})

export type Fault = z.output<typeof faultSchema>
export type NewScript = z.input<typeof newScript>
export type Script = z.output<typeof newScript> & { id: string }

/** Whether a script runs the `asked`th time it is asked: the same in every run with the same seed. */
export function runs(script: Script, asked: number, ran: number): boolean {
  return (script.times === null || ran < script.times) && draw(script.seed, asked) < script.fraction
}

/** The `index`th of a seed's random numbers, from 0 up to 1. */
export function draw(seed: number, index: number): number {
  // The finisher of MurmurHash3 over seed and index: every bit of both reaches every bit of the outcome.
  let hash = (seed ^ Math.imul(index + 1, 0x9e37_79b9)) >>> 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x1_0000_0000
}
