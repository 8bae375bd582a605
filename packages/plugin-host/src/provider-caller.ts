import { createHash } from 'node:crypto'
import { type Discount, type DiscountInput, discountInputFor, readDiscounts } from '@souk/plugins-sdk/adapters/discount.ts'
import { discountOperations } from '@souk/plugins-sdk/adapters/discount-amounts.ts'
import { type RatesInput, ratesInputFor, readRates } from '@souk/plugins-sdk/adapters/fulfillment.ts'
import { readTaxes, type TaxInput, taxInputFor } from '@souk/plugins-sdk/adapters/tax.ts'
import { type AskedInput, type CheckedAnswer, type Complaint, checkAnswer, schemaComplaints } from '@souk/plugins-sdk/check-answer.ts'
import { validateConfiguration } from '@souk/plugins-sdk/configuration.ts'
import { CONTRACTS, type Contract, type ContractId, type ContractName } from '@souk/plugins-sdk/contracts/contract.ts'
import { LINES_MAX } from '@souk/plugins-sdk/contracts/quantities.ts'
import { sunsetNotices } from '@souk/plugins-sdk/contracts/sunset.ts'
import { BUNDLE_BYTES_MAX, INPUT_BYTES_MAX, MANIFEST_BYTES_MAX, outputBytesMax, wallMsOf } from '@souk/plugins-sdk/limits.ts'
import { contractIdsOf, manifestSchema, type ParsedManifest } from '@souk/plugins-sdk/manifest.ts'
import { projectInput } from '@souk/plugins-sdk/project-input.ts'
import semver from 'semver'
import { type PluginAnswer, Written } from './plugin-call.ts'
import type { PluginHost } from './plugin-host.ts'

// What a shop asks of plugins, in its own words, on one side; the sandbox on the other. In between: the fields the manifest
// asks for and no others, the contract's major that the bundle was written for, and the check of what comes back.

export interface ProviderRelease {
  digest: string
  manifest: unknown
  hooks: Record<string, readonly string[]>
}

export interface ProviderCall {
  merchantId: string
  release: ProviderRelease
  loadBundle: () => Promise<string>
  configuration: unknown
  point: ContractName
  hook: string
  input: unknown
  cordon: 'stable' | 'new' | 'quarantine'
}

type Failure = Extract<PluginAnswer, { ok: false }>['reason'] | 'hook_missing'

export type ProviderAnswer = { contract: string; input: unknown; cpuUs: number; wallUs: number; logs: readonly string[] } & (
  | { ok: true; output: unknown; raw: unknown }
  | { ok: false; reason: Failure; detail: string }
)

interface FieldFault {
  pointer: string
  code: string
  detail: string
}

interface Told {
  input: unknown
  written: Written
}

export interface ProviderCallerOptions {
  now?: () => Date
  /** When contracts end. */
  sunsets?: Record<string, Pick<Contract, 'sunset'>>
}

const DETAIL_CHARACTERS_MAX = 300

/** Calls the providers of a shop. Never rejects for what a plugin does. */
export class ProviderCaller {
  readonly #host: PluginHost
  readonly #options: ProviderCallerOptions
  /** What plugins are told of a canonical input, by what they ask for: those of one quote often ask for the same. */
  readonly #said = new WeakMap<object, Map<string, Told>>()

  constructor(host: PluginHost, options: ProviderCallerOptions = {}) {
    this.#host = host
    this.#options = options
  }

  /** Asks one hook of a release. The input is the canonical one of its point; so is the output. */
  async call(call: ProviderCall): Promise<ProviderAnswer> {
    // Checked when it was pushed, and kept with its defaults.
    const manifest = call.release.manifest as ParsedManifest
    const contract = contractFor(manifest, call.point)
    if (!contract) return unasked(call.point, 'refused', `${manifest.name} does not serve ${call.point}`)
    if (!call.release.hooks[contract]?.includes(call.hook))
      return unasked(contract, 'hook_missing', `the bundle has no ${contract}.${call.hook}`)
    const canonical = call.input as object
    const lines = (canonical as AskedInput).lines?.length ?? 0
    if (lines > LINES_MAX) return unasked(contract, 'input_too_large', `a plugin is asked about ${LINES_MAX} lines at most`)
    const { input, written } = this.#told(manifest, contract, call.hook, canonical)
    if (written.json.length > INPUT_BYTES_MAX) return unasked(contract, 'input_too_large', 'the cart is too large for a plugin')
    const source = await call.loadBundle()
    const answer = await this.#host.call({
      merchantId: call.merchantId,
      bundle: { digest: call.release.digest, source },
      configuration: call.configuration,
      cordon: call.cordon,
      hook: `${contract}.${call.hook}`,
      input: written,
      limits: { wallMs: wallMsOf(contract, manifest.limits), outputBytesMax: outputBytesMax(lines, manifest.limits) },
    })
    const cost = { contract, input, cpuUs: Math.round(answer.cpuMs * 1_000), wallUs: Math.round(answer.wallMs * 1_000), logs: answer.logs }
    if (!answer.ok) return { ok: false, reason: answer.reason, detail: answer.detail.slice(0, DETAIL_CHARACTERS_MAX), ...cost }
    const read = readOutput(contract, call.hook, answer.output, canonical, manifest)
    if (!read.ok) return { ok: false, reason: 'output_invalid', detail: inWords(read.complaints), ...cost }
    return { ok: true, output: read.answer, raw: answer.output, ...cost }
  }

  #told(manifest: ParsedManifest, contract: ContractId, hook: string, canonical: object): Told {
    const said = this.#said.get(canonical) ?? new Map<string, Told>()
    this.#said.set(canonical, said)
    const asked = [contract, hook, ...(manifest.input[contract] ?? [])].join(' ')
    const known = said.get(asked)
    if (known !== undefined) return known
    const input = projectInput(manifest, contract, hook, inputFor(contract, canonical))
    const told = { input, written: new Written(JSON.stringify(input)) }
    said.set(asked, told)
    return told
  }

  /** Checks a pushed release and loads it once, where it can do no harm. One for a contract that is about to end is not taken. */
  async inspect({
    manifest,
    bundle,
  }: {
    manifest: unknown
    bundle: string
  }): Promise<
    | { ok: true; manifest: ParsedManifest; digest: string; hooks: Record<string, string[]> }
    | { ok: false; isBusy?: boolean; problems: FieldFault[] }
  > {
    const parsed = manifestSchema.safeParse(manifest)
    if (!parsed.success) return { ok: false, problems: faults('/manifest', schemaComplaints(parsed.error)) }
    const sizes = [
      ...(JSON.stringify(manifest).length > MANIFEST_BYTES_MAX
        ? [{ pointer: '/manifest', message: `is over ${MANIFEST_BYTES_MAX} bytes` }]
        : []),
      ...(Buffer.byteLength(bundle) > BUNDLE_BYTES_MAX ? [{ pointer: '/bundle', message: `is over ${BUNDLE_BYTES_MAX} bytes` }] : []),
    ]
    if (sizes.length > 0) return { ok: false, problems: faults('', sizes) }
    const closed = this.#closed(parsed.data)
    if (closed.length > 0) return { ok: false, problems: faults('/manifest', closed) }
    const digest = createHash('sha256').update(bundle).digest('hex')
    const inspected = await this.#host.inspect({ digest, source: bundle })
    if (!inspected.ok) {
      const problems = faults('', [{ pointer: '/bundle', message: inspected.detail }])
      return { ok: false, isBusy: inspected.reason === 'unavailable', problems }
    }
    const missing = missingHooks(parsed.data, inspected.hooks)
    return missing.length > 0
      ? { ok: false, problems: faults('', missing) }
      : { ok: true, manifest: parsed.data, digest, hooks: inspected.hooks }
  }

  #closed(manifest: ParsedManifest): Complaint[] {
    const { now = () => new Date(), sunsets = CONTRACTS } = this.#options
    return sunsetNotices(contractIdsOf(manifest), now(), sunsets)
      .filter(({ closed }) => closed)
      .map(({ text }) => ({ pointer: '/contracts', message: text }))
  }

  checkConfiguration(manifest: unknown, given: unknown): { ok: true; configuration: unknown } | { ok: false; problems: FieldFault[] } {
    const checked = validateConfiguration((manifest as ParsedManifest).configuration, given)
    return checked.ok ? checked : { ok: false, problems: checked.errors }
  }

  isVersionRange(range: string): boolean {
    return semver.validRange(range) !== null
  }

  satisfies(version: string, range: string): boolean {
    return semver.satisfies(version, range)
  }

  compareVersions(one: string, other: string): number {
    return semver.compare(one, other)
  }

  discountOperations = discountOperations
}

/** The newest contract that the bundle was written for at this point. */
function contractFor(manifest: ParsedManifest, point: ContractName): ContractId | undefined {
  return contractIdsOf(manifest)
    .filter((id) => CONTRACTS[id].name === point)
    .toSorted((one, other) => CONTRACTS[other].major - CONTRACTS[one].major)[0]
}

function inputFor(contract: ContractId, input: object): object {
  switch (contract) {
    case 'discount@1':
    case 'discount@2':
      return discountInputFor(contract, input as DiscountInput)
    case 'tax@1':
      return taxInputFor(contract, input as TaxInput)
    case 'fulfillment@1':
      return ratesInputFor(contract, input as RatesInput)
  }
}

function readOutput(contract: ContractId, hook: string, output: unknown, input: object, manifest: ParsedManifest): CheckedAnswer<unknown> {
  switch (contract) {
    case 'discount@1':
    case 'discount@2':
      return readDiscounts(contract, output, input as DiscountInput) satisfies CheckedAnswer<Discount[]>
    case 'tax@1':
      return readTaxes(contract, output, input as TaxInput)
    case 'fulfillment@1':
      return hook === 'rates' ? readRates(contract, output) : checkAnswer(contract, hook, output, input as AskedInput, manifest)
  }
}

function missingHooks(manifest: ParsedManifest, hooks: Record<string, readonly string[]>): Complaint[] {
  return contractIdsOf(manifest).flatMap((id) =>
    Object.entries(CONTRACTS[id].hooks)
      .filter(([name, hook]) => hook.required && !hooks[id]?.includes(name))
      .map(([name]) => ({ pointer: '/bundle', message: `registers no ${id}.${name}, which its manifest promises` })),
  )
}

function faults(at: string, complaints: readonly Complaint[]): FieldFault[] {
  return complaints.map(({ pointer, message }) => ({ pointer: at + pointer, code: 'plugin_invalid', detail: message }))
}

function inWords(complaints: readonly Complaint[]): string {
  return complaints
    .map(({ pointer, message }) => `${pointer || 'the answer'}: ${message}`)
    .join('; ')
    .slice(0, DETAIL_CHARACTERS_MAX)
}

function unasked(contract: string, reason: Failure, detail: string): ProviderAnswer {
  return { ok: false, reason, detail, contract, input: null, cpuUs: 0, wallUs: 0, logs: [] }
}
