import { validateConfiguration } from '../configuration.ts'
import { CONTRACTS, type ContractId, type Hook } from '../contracts/contract.ts'
import type { RatesOutputV1 } from '../contracts/fulfillment.ts'
import { MEMORY_BYTES_MAX } from '../limits.ts'
import { contractIdsOf } from '../manifest.ts'
import { type Bundle, PluginFault } from './bundle.ts'
import { canonicalJson } from './canonical-json.ts'
import { type GeneratedInput, generatedInputs } from './generated-inputs.ts'
import { projectedSchema } from './projected-schema.ts'
import { sampleConfiguration } from './sample-configuration.ts'
import { callPlugin, hooksOf, type PluginAnswer, timeOf } from './sandbox.ts'

/** How much of each limit a call may use. The rest is for a busier machine than the author's. */
export const SHARE_OF_LIMITS_MAX = 0.5

const TRIES_FOR_TIME = 4
const FAULTS_SHOWN_MAX = 5

export interface Check {
  name: string
  /** Empty: it holds. */
  faults: string[]
}

export interface ContractReport {
  contract: ContractId
  /** Which version of the contract was tried. */
  version: string
  meets: boolean
  checks: Check[]
  calls: number
  /** The costliest call of all, and the middle one. */
  timeMs: { median: number; most: number; limit: number }
  heapBytesMost: number
  outputBytesMost: number
}

export interface ConformanceReport {
  contracts: ContractReport[]
  /** True when every contract of the manifest is met. */
  meets: boolean
}

/**
 * Tries a bundle with every contract that its manifest names: 200 generated calls for each hook under each configuration, each twice in two
 * isolates. Says which contract versions it meets, and what is in the way of the others.
 */
export async function conformance(bundle: Bundle, configurations: readonly object[] = []): Promise<ConformanceReport> {
  const registered = await hooksOf(bundle)
  const least = sampleConfiguration(bundle.manifest.configuration) as object
  const distinct = [...new Map([least, ...configurations].map((configuration) => [canonicalJson(configuration), configuration])).values()]
  const contracts: ContractReport[] = []
  for (const id of contractIdsOf(bundle.manifest)) {
    contracts.push(await tryContract(bundle, id, registered[id] ?? [], distinct))
  }
  return { contracts, meets: contracts.every(({ meets }) => meets) }
}

/** What the calls of one contract came to. */
interface Tried {
  contract: ContractId
  hook: string
  input: GeneratedInput
  first: PluginAnswer
  again: PluginAnswer
}

async function tryContract(
  bundle: Bundle,
  contract: ContractId,
  registered: string[],
  configurations: readonly object[],
): Promise<ContractReport> {
  const { hooks, version } = CONTRACTS[contract]
  const tried: Tried[] = []
  const uncallable: string[] = []
  for (const hook of Object.keys(hooks).filter((name) => registered.includes(name))) {
    for (const configuration of configurations) {
      const hints = { methods: ratesGiven(tried), words: wordsOf(bundle, configuration) }
      for (const input of generatedInputs(contract, hook, hints)) {
        try {
          const first = await callPlugin(bundle, contract, hook, input.input, configuration)
          const again = await callPlugin(bundle, contract, hook, input.input, configuration, { merchant: 'kit-again' })
          tried.push({ contract, hook, input, first: await unhurried(bundle, configuration, { contract, hook, input, first }), again })
        } catch (error) {
          if (!(error instanceof PluginFault)) throw error
          uncallable.push(`${hook}, ${input.name}: ${error.message}`)
        }
      }
    }
  }
  const checks = [
    { name: 'has the hooks that the contract asks for, and no others', faults: hookFaults(hooks, registered) },
    { name: 'can be asked with every cart', faults: uncallable },
    { name: 'answers every input as the contract allows', faults: tried.flatMap(answerFaults) },
    {
      name: 'reads the same after a trip through JSON and the contract’s schemas',
      faults: tried.flatMap((one) => roundTripFaults(bundle, one)),
    },
    { name: 'gives the same bytes for the same input, in a fresh isolate too', faults: tried.flatMap(repeatFaults) },
    { name: `stays within ${SHARE_OF_LIMITS_MAX * 100} % of every limit`, faults: tried.flatMap(limitFaults) },
  ].map(({ name, faults }) => ({ name, faults: shortened(faults) }))
  const times = tried.map(({ first }) => timeOf(first)).sort((a, b) => a - b)
  return {
    contract,
    version,
    meets: checks.every(({ faults }) => faults.length === 0),
    checks,
    calls: 2 * tried.length,
    timeMs: { median: times[Math.floor(times.length / 2)] ?? 0, most: times.at(-1) ?? 0, limit: tried[0]?.first.limits.wallMs ?? 0 },
    heapBytesMost: Math.max(0, ...tried.map(({ first }) => first.heapBytes)),
    outputBytesMost: Math.max(0, ...tried.map(({ first }) => outputBytes(first))),
  }
}

/** Every text of a configuration, defaults too: what the plugin may be waiting for. */
function wordsOf({ manifest }: Bundle, configuration: object): string[] {
  const checked = validateConfiguration(manifest.configuration, configuration)
  const texts: string[] = []
  JSON.stringify(checked.ok ? checked.configuration : configuration, (_name, value: unknown) => {
    if (typeof value === 'string') texts.push(value)
    return value
  })
  return [...new Set(texts)]
}

/** Codes of rates that the plugin gave so far: what a shipment's method can be. */
function ratesGiven(tried: readonly Tried[]): string[] {
  const outputs = tried.flatMap(({ hook, first }) => (hook === 'rates' && first.ok ? [first.output as RatesOutputV1] : []))
  return [...new Set(outputs.flatMap(({ rates }) => rates.map(({ code }) => code)))]
}

/** A call that seems slow is asked again, and the fastest counts: the machine may have been busy with something else. */
async function unhurried(
  bundle: Bundle,
  configuration: object,
  { contract, hook, input, first }: Omit<Tried, 'again'>,
): Promise<PluginAnswer> {
  let best = first
  for (let tries = 1; tries < TRIES_FOR_TIME && isSlow(best); tries++) {
    const next = await callPlugin(bundle, contract, hook, input.input, configuration)
    const wasRun = next.ok || next.reason !== 'unavailable'
    if (wasRun && timeOf(next) < timeOf(best)) best = next
  }
  return best
}

function isSlow(answer: PluginAnswer): boolean {
  return timeOf(answer) > answer.limits.wallMs * SHARE_OF_LIMITS_MAX
}

function hookFaults(hooks: Record<string, Hook>, registered: string[]): string[] {
  const missing = Object.entries(hooks).filter(([name, hook]) => hook.required && !registered.includes(name))
  const unpaired = Object.entries(hooks).filter(
    ([name, { answers }]) => answers !== undefined && registered.includes(name) !== registered.includes(answers),
  )
  const unknown = registered.filter((name) => !Object.hasOwn(hooks, name))
  return [
    ...missing.map(([name]) => `${name} is missing`),
    ...unpaired.map(([name, { answers }]) => `${answers} and ${name} come in pairs`),
    ...unknown.map((name) => `${name} is no hook of this contract`),
  ]
}

function answerFaults({ hook, input, first }: Tried): string[] {
  return first.ok ? [] : [`${hook}, ${input.name}: ${first.reason}: ${first.detail}`]
}

function roundTripFaults({ manifest }: Bundle, { contract, hook, input, first }: Tried): string[] {
  const seen = projectedSchema(manifest, contract, hook).safeParse(JSON.parse(JSON.stringify(first.input)))
  if (!seen.success || canonicalJson(seen.data) !== canonicalJson(first.input))
    return [`${hook}, ${input.name}: the input does not come back`]
  if (!first.ok) return []
  const schema = CONTRACTS[contract].hooks[hook]!.output
  const once = schema.parse(first.output)
  const twice = schema.safeParse(JSON.parse(JSON.stringify(once)))
  return twice.success && canonicalJson(twice.data) === canonicalJson(once) ? [] : [`${hook}, ${input.name}: the answer does not come back`]
}

function repeatFaults({ hook, input, first, again }: Tried): string[] {
  if (!first.ok || !again.ok) return []
  return JSON.stringify(first.output) === JSON.stringify(again.output) ? [] : [`${hook}, ${input.name}: the second answer differs`]
}

function limitFaults({ hook, input, first }: Tried): string[] {
  const at = `${hook}, ${input.name}`
  const share = (used: number, limit: number) => `${Math.round((100 * used) / limit)} %`
  const over = (used: number, limit: number) => used > limit * SHARE_OF_LIMITS_MAX
  const bytes = outputBytes(first)
  return [
    ...(isSlow(first) ? [`${at}: ${share(timeOf(first), first.limits.wallMs)} of ${first.limits.wallMs} ms`] : []),
    ...(over(bytes, first.limits.outputBytes)
      ? [`${at}: ${share(bytes, first.limits.outputBytes)} of ${first.limits.outputBytes} bytes of answer`]
      : []),
    ...(over(first.heapBytes, MEMORY_BYTES_MAX) ? [`${at}: ${share(first.heapBytes, MEMORY_BYTES_MAX)} of the memory`] : []),
  ]
}

function outputBytes(answer: PluginAnswer): number {
  return answer.ok ? Buffer.byteLength(JSON.stringify(answer.output)) : 0
}

function shortened(faults: string[]): string[] {
  return faults.length <= FAULTS_SHOWN_MAX ? faults : [...faults.slice(0, FAULTS_SHOWN_MAX), `and ${faults.length - FAULTS_SHOWN_MAX} more`]
}
