import { setTimeout as pause } from 'node:timers/promises'
import { type Complaint, checkAnswer } from '../check-answer.ts'
import { validateConfiguration } from '../configuration.ts'
import type { ContractId } from '../contracts/contract.ts'
import { hookOf } from '../contracts/contract.ts'
import { INPUT_BYTES_MAX, outputBytesMax, wallMsOf } from '../limits.ts'
import { projectInput } from '../project-input.ts'
import { type Bundle, PluginFault } from './bundle.ts'

// The sandbox of the kit is the sandbox of the shop: `pnpm build` of this package puts the supervisor and the runner of
// packages/plugin-host into dist/sandbox. They need the package isolated-vm.

/** What the supervisor answers; packages/plugin-host/src/plugin-host.ts. */
type HostAnswer = { cpuMs: number; wallMs: number; heapBytes?: number; logs: readonly string[] } & (
  | { ok: true; output: unknown }
  | { ok: false; reason: string; detail: string }
)

interface Host {
  call(call: {
    merchantId: string
    bundle: { digest: string; source: string }
    configuration: unknown
    cordon: 'stable'
    hook: string
    input: unknown
    limits: { wallMs: number; outputBytesMax: number }
  }): Promise<HostAnswer>
  inspect(bundle: {
    digest: string
    source: string
  }): Promise<{ ok: true; hooks: Record<string, string[]> } | { ok: false; reason: string; detail: string }>
  close(): Promise<void>
}

interface HostOptions {
  runners: number
  spareRunners: number
  repeatRate: number
  queueMsMax: number
  putOffMsMax: number
  files: { runner: URL; sourceCheckThread: URL }
}

/** What one call came to, and what it cost. */
export type PluginAnswer = {
  /** What the plugin saw: the fields that its manifest asks for. */
  input: Record<string, unknown>
  /** The configuration with its defaults. */
  configuration: Record<string, unknown>
  cpuMs: number
  wallMs: number
  heapBytes: number
  logs: readonly string[]
  limits: { wallMs: number; outputBytes: number }
} & ({ ok: true; output: unknown } | { ok: false; reason: string; detail: string; complaints: Complaint[] })

/** Time of the processor, where the call came to its end: how long it took besides is the machine's doing. */
export function timeOf({ ok, cpuMs, wallMs }: PluginAnswer): number {
  return ok ? cpuMs : wallMs
}

/** The sandbox could not run a plugin, which says nothing of the plugin. */
export class SandboxFault extends Error {}

export interface CallOptions {
  /** Another name, another isolate: calls of one name share a warm one, as the calls of one merchant do. */
  merchant?: string
}

const IDLE_MS = 250
const START_MS_MAX = 20_000
// No buyer waits: what hardly gets the processor has longer than in a shop.
const PUT_OFF_MS_MAX = 5_000
// What was not run is asked again after a second, two and four.
const AGAIN_AFTER_MS = 1_000
const TRIES_MAX = 4

let host: Promise<Host> | undefined
/** Where a plugin cost a process: it rests there, and is not asked again. */
const blamed = new WeakSet<Host>()
let underway = 0
let closing: NodeJS.Timeout | undefined

/**
 * Calls one hook of a bundle in the sandbox, as a shop would: the configuration is checked, the input cut to the fields that the manifest
 * asks for, the answer held against its contract. Never rejects for what the plugin does; throws a PluginFault for a call that no shop makes, and a
 * SandboxFault where this machine has no time for any.
 */
export async function callPlugin(
  bundle: Bundle,
  contract: ContractId,
  hook: string,
  input: object,
  configuration: object = {},
  { merchant = 'kit' }: CallOptions = {},
): Promise<PluginAnswer> {
  if (bundle.manifest.input[contract] === undefined) throw new PluginFault(`The manifest says nothing of ${contract}.`)
  if (hookOf(contract, hook) === undefined) throw new PluginFault(`${contract} has no hook ${hook}.`)
  const checked = validateConfiguration(bundle.manifest.configuration, configuration)
  if (!checked.ok) {
    const faults = checked.errors.map(({ pointer, detail }) => `${pointer || '/'} ${detail}`)
    throw new PluginFault(`The configuration does not fit the manifest: ${faults.join('; ')}`)
  }
  const projected = projectInput(bundle.manifest, contract, hook, input)
  if (JSON.stringify(projected).length > INPUT_BYTES_MAX)
    throw new PluginFault(`The input is over ${INPUT_BYTES_MAX} bytes: ask for fewer fields.`)
  const lines = (projected as { lines?: unknown[] }).lines?.length ?? 0
  const limits = { wallMs: wallMsOf(contract, bundle.manifest.limits), outputBytes: outputBytesMax(lines, bundle.manifest.limits) }
  const answer = await ask((running) =>
    running.call({
      merchantId: merchant,
      bundle,
      configuration: checked.configuration,
      cordon: 'stable',
      hook: `${contract}.${hook}`,
      input: projected,
      limits: { wallMs: limits.wallMs, outputBytesMax: limits.outputBytes },
    }),
  )
  const { cpuMs, wallMs, heapBytes = 0, logs } = answer
  const facts = { input: projected, configuration: checked.configuration, cpuMs, wallMs, heapBytes, logs, limits }
  if (!answer.ok) return { ok: false, reason: answer.reason, detail: answer.detail, complaints: [], ...facts }
  const read = checkAnswer(contract, hook, answer.output, projected, bundle.manifest)
  if (read.ok) return { ok: true, output: answer.output, ...facts }
  const detail = read.complaints.map(({ pointer, message }) => `${pointer || 'the answer'}: ${message}`).join('; ')
  return { ok: false, reason: 'output_invalid', detail, complaints: read.complaints, ...facts }
}

/** The hooks that a bundle registers, by contract; throws a PluginFault when the gate refuses it or it does not load. */
export async function hooksOf(bundle: Bundle): Promise<Record<string, string[]>> {
  const inspected = await ask((running) => running.inspect(bundle))
  if (!inspected.ok) throw new PluginFault(`A shop would not load this bundle: ${inspected.detail}`)
  return inspected.hooks
}

/**
 * What had no process, or one that hardly got the processor, says nothing of the plugin: it is asked again, of fresh processes. Throws a
 * SandboxFault when it comes to nothing.
 */
async function ask<Answer extends { ok: true } | { ok: false; reason: string; detail: string }>(
  work: (host: Host) => Promise<Answer>,
): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    const [answer, running] = await withHost(async (running) => [await work(running), running] as const)
    if (answer.ok) return answer
    if (answer.reason === 'killed' || answer.reason === 'memory') blamed.add(running)
    if (answer.reason !== 'unavailable' || blamed.has(running)) return answer
    if (tries === TRIES_MAX) throw new SandboxFault(`The sandbox ran nothing in ${TRIES_MAX} tries: ${answer.detail}`)
    if ((await host) === running) await closeSandbox()
    await pause(AGAIN_AFTER_MS * 2 ** (tries - 1))
  }
}

/** Runs the work on the one supervisor of this process, which ends by itself soon after the last call: a test need not close anything. */
async function withHost<Result>(work: (host: Host) => Promise<Result>): Promise<Result> {
  clearTimeout(closing)
  underway++
  try {
    host ??= startHost()
    return await work(await host)
  } finally {
    underway--
    if (underway === 0) closing = setTimeout(closeSandbox, IDLE_MS)
  }
}

/** Ends the sandbox's processes at once. The next call starts them again. */
export async function closeSandbox(): Promise<void> {
  clearTimeout(closing)
  const running = host
  host = undefined
  await (await running)?.close()
}

async function startHost(): Promise<Host> {
  // From the sources of this package dist/ is two folders up; from a file of dist/ it is where that file is.
  const folder = new URL(import.meta.url.endsWith('.ts') ? '../../dist/sandbox/' : './sandbox/', import.meta.url)
  const file = (name: string) => new URL(name, folder)
  let loaded: { PluginHost: new (options: HostOptions) => Host }
  try {
    loaded = await import(file('plugin-host.mjs').href)
  } catch (error) {
    throw new PluginFault(
      `The sandbox cannot be started: ${(error as Error).message}. It needs the package isolated-vm 7 and Node 24 (this is ${process.version}).`,
    )
  }
  const files = { runner: file('runner.mjs'), sourceCheckThread: file('source-check-thread.mjs') }
  return new loaded.PluginHost({ runners: 1, spareRunners: 0, repeatRate: 0, queueMsMax: START_MS_MAX, putOffMsMax: PUT_OFF_MS_MAX, files })
}
