/** Plugins share a process only with plugins of the same trust. */
export type Cordon = 'stable' | 'new' | 'quarantine'

export interface Bundle {
  /** SHA-256 of the source, hex. */
  digest: string
  source: string
}

/** JSON that was written already: several plugins are told the same. */
export class Written {
  readonly json: string

  constructor(json: string) {
    this.json = json
  }
}

export interface PluginCall {
  merchantId: string
  bundle: Bundle
  /** Any JSON. */
  configuration: unknown
  cordon: Cordon
  /** Contract and name, `discount@1.run`. */
  hook: string
  /** Any JSON, or `Written`. */
  input: unknown
  limits?: { wallMs?: number | undefined; outputBytesMax?: number | undefined }
  /** The caller tries again: in another process than the merchant's first choice. */
  onSibling?: boolean
  signal?: AbortSignal
}

/**
 * Why there is no answer. Whoever counts failures against a plugin leaves out `unavailable`, which is ours, and `input_too_large`, which is
 * the shop's. `killed` and `memory` cost a process.
 */
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

/**
 * Times in milliseconds: what the plugin used of a processor, and how long it ran. Of a killed call both are how long it was let run.
 * `heapBytes`: what its isolate held when the call was over, rubbish included; 0 when it was not run, or stopped.
 */
export interface CallCost {
  cpuMs: number
  wallMs: number
  heapBytes: number
  logs: string[]
}

/** `detail` is for the plugin's author: at most 300 characters, some of them the plugin's own. */
export type PluginAnswer = CallCost & ({ ok: true; output: unknown } | { ok: false; reason: FailureReason; detail: string })

/** Contracts and the hooks that a bundle registers under them. */
/** `unavailable` says nothing of the bundle: there was no time or no process for it, and it may be asked again. */
export type Inspection = { ok: true; hooks: Record<string, string[]> } | { ok: false; reason: FailureReason; detail: string }

export const NO_COST: CallCost = { cpuMs: 0, wallMs: 0, heapBytes: 0, logs: [] }

export function failed(reason: FailureReason, detail: string, cost: CallCost = NO_COST): PluginAnswer {
  return { ok: false, reason, detail, ...cost, logs: [...cost.logs] }
}
