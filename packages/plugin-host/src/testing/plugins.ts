import type { Bundle, PluginAnswer, PluginCall } from '../plugin-call.ts'
import type { PluginHost } from '../plugin-host.ts'
import { digestOf } from '../sandbox/source-gate.ts'

export function bundleOf(source: string): Bundle {
  return { digest: digestOf(source), source }
}

/** A discount plugin whose hook has this body. */
export function plugin(body: string, before = ''): Bundle {
  return bundleOf(`${before}\ndefinePlugin({ contracts: { 'discount@1': { run(input, configuration) { ${body}\n} } } })`)
}

/** Answers the number it was given and one. */
export const HARMLESS = plugin('return { n: input.n + 1 }')

/** Reading twenty thousand numbers of a million digits each keeps the engine busy for most of a minute, and it does not listen meanwhile. */
export const UNSTOPPABLE_BODY = 'const s = "9".repeat(1e6), a = []; for (let i = 0; i < 2e4; i++) a.push(s.slice(i)); return Math.max(...a)'
export const UNSTOPPABLE = plugin(UNSTOPPABLE_BODY)

/** A call with time to spare: other tests share the machine, and what is tested here is rarely the clock. */
export function callOf(bundle: Bundle, more: Partial<PluginCall> = {}): PluginCall {
  return {
    merchantId: 'merchant',
    bundle,
    configuration: {},
    cordon: 'stable',
    hook: 'discount@1.run',
    input: {},
    limits: { wallMs: 1_000 },
    ...more,
  }
}

/** What a plugin answers, or an error that says why it did not. */
export async function outputOf(host: PluginHost, bundle: Bundle, more: Partial<PluginCall> = {}): Promise<unknown> {
  const answer = await host.call(callOf(bundle, more))
  if (!answer.ok) throw new Error(`${answer.reason}: ${answer.detail}`)
  return answer.output
}

/** Has bundles read, so that calls of them go to the queue in the moment in which they are made. */
export async function haveRead(host: PluginHost, bundles: Bundle[]): Promise<void> {
  for (const bundle of bundles) await host.call(callOf(bundle, { merchantId: 'reader', hook: 'discount@1.none' }))
  await until(() => host.stats().running === 0)
}

export function reasonOf(answer: PluginAnswer): string {
  return answer.ok ? 'ok' : answer.reason
}

/** Waits until it holds, for at most so long. */
export async function until(holds: () => boolean, mostMs = 60_000): Promise<void> {
  const giveUpAt = performance.now() + mostMs
  while (!holds()) {
    if (performance.now() > giveUpAt) throw new Error(`did not come to hold within ${mostMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

export function isAlive(pid: number): boolean {
  return signal(pid, 0)
}

/** False when there is no such process any more. */
export function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}
