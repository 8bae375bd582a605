import type { Discount, DiscountInput } from '@souk/plugins-sdk/adapters/discount.ts'
import type { DiscountOperation, Divide } from '@souk/plugins-sdk/adapters/discount-amounts.ts'
import type { FieldProblem } from '../refusal.ts'

/** Where a plugin takes part in a shop. */
export type ExtensionPoint = 'discount' | 'tax' | 'fulfillment'
export const EXTENSION_POINTS: readonly ExtensionPoint[] = ['discount', 'tax', 'fulfillment']

/** The part of a plugin's manifest that the shop decides by. The rest is the SDK's business. */
export interface Manifest {
  name: string
  version: string
  contracts: Partial<Record<ExtensionPoint, string>>
  configuration?: unknown
  hosts?: readonly { host: string; methods: readonly string[] }[]
}

export interface PluginRelease {
  id: string
  plugin: string
  version: string
  digest: string
  manifest: unknown
  /** What the bundle registered when it was pushed: hooks by contract. */
  hooks: Record<string, readonly string[]>
}

/** One question to a plugin. Its input is everything the contract knows; the port gives the plugin what its manifest asks for. */
export interface ProviderCall {
  merchantId: string
  release: PluginRelease
  loadBundle: () => Promise<string>
  configuration: unknown
  point: ExtensionPoint
  hook: string
  input: unknown
  /** Runners are shared only by plugins of the same trust. */
  cordon: 'stable' | 'new' | 'quarantine'
}

/** Why a call failed: a closed list, whatever the plugin did. */
export type FailureReason =
  | 'timeout'
  | 'memory'
  | 'threw'
  | 'output_too_large'
  | 'output_invalid'
  | 'input_too_large'
  | 'killed'
  | 'refused'
  | 'unavailable'
  | 'hook_missing'
  | 'blocked'
  | 'breaker_open'
  | 'budget_spent'

/**
 * What came of a call. `contract` is the one the bundle was written for, `input` and `raw` what the plugin really saw and said
 * under it, `output` the same in canonical form; times in microseconds.
 */
export type ProviderAnswer = { contract: string; input: unknown; cpuUs: number; wallUs: number; logs: readonly string[] } & (
  | { ok: true; output: unknown; raw: unknown }
  | { ok: false; reason: FailureReason; detail: string }
)

/** A pushed release after the checks: what it says of itself, and the digest that is its identity. */
export type Inspection =
  | { ok: true; manifest: Manifest; digest: string; hooks: Record<string, readonly string[]> }
  /** `isBusy` says nothing of the release: there was no time or no process to look at it. */
  | { ok: false; isBusy?: boolean; problems: FieldProblem[] }

/** What the shop needs of the world of plugins. Core decides; a process that owns runners answers. */
export interface PluginPort {
  /** Checks manifest, source and contracts of a release by loading it once in a sandbox. */
  inspect(release: { manifest: unknown; bundle: string }): Promise<Inspection>
  /** The configuration with its defaults, or what is wrong with it; pointers start at the configuration. */
  checkConfiguration(manifest: unknown, given: unknown): { ok: true; configuration: unknown } | { ok: false; problems: FieldProblem[] }
  isVersionRange(range: string): boolean
  satisfies(version: string, range: string): boolean
  /** Negative, zero or positive, by semantic versioning. */
  compareVersions(one: string, other: string): number
  /** The amounts that discounts take off a cart, in the order in which they apply. */
  discountOperations(discounts: readonly Discount[], input: DiscountInput, divide: Divide): DiscountOperation[]
  /**
   * Answers, whatever the plugin does: it never rejects for a plugin's fault. An answer was checked for form and sense and
   * has the canonical form of its point, whichever contract the plugin was written for.
   */
  call(call: ProviderCall): Promise<ProviderAnswer>
}
