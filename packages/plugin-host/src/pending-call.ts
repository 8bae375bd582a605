import type { Bundle, Cordon } from './plugin-call.ts'
import type { AnswerMessage } from './sandbox/frames.ts'

/** What came of a call in a runner: its answer with the JSON beside it, or words for why there is none. */
export type Outcome =
  | { kind: 'answered'; message: AnswerMessage; json: string }
  | { kind: 'refused'; detail: string }
  | { kind: 'killed'; reason: 'killed' | 'memory'; detail: string; ranMs: number }
  | { kind: 'unavailable'; detail: string }

/** A call on its way: in the queue, then in a runner. */
export interface PendingCall {
  merchantId: string
  bundle: Bundle
  /** Merchant and digest: whose conduct it is. */
  plugin: string
  cordon: Cordon
  work: 'call' | 'inspect'
  /** JSON. */
  configuration: string
  /** JSON. */
  input: string
  contract: string
  hook: string
  wallMs: number
  outputBytesMax: number
  isSlow: boolean
  onSibling: boolean
  repeat: boolean
  queuedAt: number
  attempts: number
  settle(outcome: Outcome): void
}
