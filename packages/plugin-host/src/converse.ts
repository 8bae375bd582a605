import type { PendingCall } from './pending-call.ts'
import type { Reply, RunnerProcess } from './runner-process.ts'
import type { AnswerMessage, Frame, RunnerMessage } from './sandbox/frames.ts'
import { KILL_GRACE_MS, LOAD_MS_MAX } from './sandbox/limits.ts'
import { digestOf } from './sandbox/source-gate.ts'

export type Conversed =
  | { kind: 'answered'; message: AnswerMessage; json: string; rested: Promise<Frame<RunnerMessage>> | undefined }
  | { kind: 'refused'; detail: string }

/** Makes one call in a runner; loads the bundle first if this runner does not have it. Rejects with RunnerGone. */
export async function converse(runner: RunnerProcess, call: PendingCall): Promise<Conversed> {
  if (call.work === 'inspect') return inspect(runner, call)
  const { merchantId, bundle, configuration, contract, hook, wallMs, outputBytesMax, repeat } = call
  const whose = { merchantId, digest: bundle.digest, configuration }
  const ask = () =>
    runner.ask({ type: 'call', ...whose, contract, hook, wallMs, outputBytesMax, repeat }, call.input, wallMs + KILL_GRACE_MS)
  const first = await ask()
  if (first.message.type !== 'cold') return answered(first)
  const withSource = first.message.needsSource
  // The gate has passed what the digest names, so that and nothing else may be sent.
  if (withSource && digestOf(bundle.source) !== bundle.digest) return { kind: 'refused', detail: 'the bundle is not what its digest says' }
  const loaded = await runner.ask({ type: 'load', ...whose, withSource }, withSource ? bundle.source : '', LOAD_MS_MAX + KILL_GRACE_MS)
  return loaded.message.type === 'loaded' ? answered(await ask()) : answered(loaded)
}

async function inspect(runner: RunnerProcess, { bundle, wallMs }: PendingCall): Promise<Conversed> {
  return answered(await runner.ask({ type: 'inspect', wallMs }, bundle.source, LOAD_MS_MAX + wallMs + KILL_GRACE_MS))
}

function answered({ message, text, rested }: Reply): Conversed {
  if (message.type !== 'answer') throw new Error(`a runner said ${message.type} where an answer was due`)
  return { kind: 'answered', message, json: text, rested }
}
