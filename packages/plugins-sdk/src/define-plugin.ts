import type { ConfigurationOf } from './configuration.ts'
import type { CarrierResponseV1, RequestOutputV1 } from './contracts/carrier-request.ts'
import type { ContractId } from './contracts/contract.ts'
import type { DiscountInputV1, DiscountOutputV1 } from './contracts/discount.ts'
import type { DiscountInputV2, DiscountOutputV2 } from './contracts/discount-v2.ts'
import type {
  ParseCancellationOutputV1,
  ParseLabelOutputV1,
  ParseShipmentOutputV1,
  ParseTrackingOutputV1,
  RatesInputV1,
  RatesOutputV1,
  ShipmentInputV1,
} from './contracts/fulfillment.ts'
import type { TaxInputV1, TaxOutputV1 } from './contracts/tax.ts'
import type { FieldPath, Projected } from './field-path.ts'
import type { Manifest } from './manifest.ts'

// This file goes into every plugin's bundle: it imports nothing at run time.

/** A hook: the fields that were asked for in, an answer out. Synchronous and pure. */
type Run<Input, Output, Path extends string, Configuration> = (input: Projected<Input, Path>, configuration: Configuration) => Output

type Parse<Output, Path extends string, Configuration> = (
  input: Projected<ShipmentInputV1, Path> & { response: CarrierResponseV1 },
  configuration: Configuration,
) => Output

interface FulfillmentHooks<Path extends string, Configuration> {
  /** What delivery costs, while the buyer chooses. */
  rates: Run<RatesInputV1, RatesOutputV1, Path, Configuration>
  createShipment?: Run<ShipmentInputV1, RequestOutputV1, Path, Configuration>
  parseShipment?: Parse<ParseShipmentOutputV1, Path, Configuration>
  fetchLabel?: Run<ShipmentInputV1, RequestOutputV1, Path, Configuration>
  parseLabel?: Parse<ParseLabelOutputV1, Path, Configuration>
  track?: Run<ShipmentInputV1, RequestOutputV1, Path, Configuration>
  parseTracking?: Parse<ParseTrackingOutputV1, Path, Configuration>
  cancelShipment?: Run<ShipmentInputV1, RequestOutputV1, Path, Configuration>
  parseCancellation?: Parse<ParseCancellationOutputV1, Path, Configuration>
}

interface HooksByContract<Path extends string, Configuration> {
  'discount@1': { run: Run<DiscountInputV1, DiscountOutputV1, Path, Configuration> }
  'discount@2': { run: Run<DiscountInputV2, DiscountOutputV2, Path, Configuration> }
  'tax@1': { run: Run<TaxInputV1, TaxOutputV1, Path, Configuration> }
  'fulfillment@1': FulfillmentHooks<Path, Configuration>
}

interface FieldsByContract {
  'discount@1': FieldPath<DiscountInputV1>
  'discount@2': FieldPath<DiscountInputV2>
  'tax@1': FieldPath<TaxInputV1>
  'fulfillment@1': FieldPath<RatesInputV1> | FieldPath<ShipmentInputV1>
}

/** A manifest whose fields exist, so that the editor completes them. */
export interface TypedManifest extends Omit<Manifest, 'input'> {
  readonly input: { readonly [Id in ContractId]?: readonly FieldsByContract[Id][] }
}

type PathsOf<M extends TypedManifest, Id extends ContractId> = M['input'][Id] extends readonly (infer Path extends string)[] ? Path : never

/** The hooks that a manifest promises, with the input that it asks for and the configuration that it describes. */
export type PluginHooks<M extends TypedManifest> = {
  [Id in keyof M['input'] & ContractId]: HooksByContract<PathsOf<M, Id>, ConfigurationOf<M['configuration']>>[Id]
}

export interface Plugin<M extends TypedManifest> {
  manifest: M
  hooks: PluginHooks<M>
}

/** Says what a plugin is called, fills, sees and lets a merchant set. Nothing but types: it hands the manifest back. */
export function defineManifest<const M extends TypedManifest>(manifest: M): M {
  return manifest
}

/**
 * A plugin: its manifest and, for each contract of `manifest.input`, the hooks. In the sandbox it registers them; elsewhere it only
 * returns them, so that a test may call `plugin.hooks['discount@1'].run(...)` directly.
 */
export function definePlugin<const M extends TypedManifest>(manifest: M, hooks: PluginHooks<M>): Plugin<M> {
  const { definePlugin: register } = globalThis as { definePlugin?: (hooks: unknown) => void }
  if (typeof register === 'function') register({ contracts: hooks })
  return { manifest, hooks }
}
