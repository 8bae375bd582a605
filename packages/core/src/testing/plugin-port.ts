import { createHash } from 'node:crypto'
import type { Manifest, PluginPort, ProviderAnswer, ProviderCall } from '../plugins/port.ts'

/** What a test says a plugin does: by the text of its bundle. */
export type PluginBehaviour = (call: ProviderCall) => Promise<Answer> | Answer
type Answer = { output: unknown } | { reason: Extract<ProviderAnswer, { ok: false }>['reason']; detail?: string }

export interface TestPluginPort extends PluginPort {
  calls: ProviderCall[]
  behaviours: Map<string, PluginBehaviour>
}

/** What a plugin answers that has nothing to say, by its point. */
const NOTHING_SAID: Record<ProviderCall['point'], unknown> = {
  discount: [],
  tax: { lines: {}, shipping: null, note: null },
  fulfillment: [],
}

/** Plugins without a sandbox: versions are plain `1.2.0`, ranges a version or `^1`. */
export function testPluginPort(): TestPluginPort {
  const calls: ProviderCall[] = []
  const behaviours = new Map<string, PluginBehaviour>()
  return {
    calls,
    behaviours,
    inspect: async ({ manifest, bundle }) =>
      bundle === 'broken' || bundle === 'not looked at'
        ? {
            ok: false,
            isBusy: bundle === 'not looked at',
            problems: [{ pointer: '/bundle', code: 'plugin_invalid', detail: 'does not load' }],
          }
        : { ok: true, manifest: manifest as Manifest, digest: createHash('sha256').update(bundle).digest('hex'), hooks: {} },
    checkConfiguration: (_manifest, given) =>
      (given as { bad?: boolean }).bad === true
        ? { ok: false, problems: [{ pointer: '/bad', code: 'unknown' }] }
        : { ok: true, configuration: given },
    isVersionRange: (range) => /^\^?\d+(\.\d+){0,2}$/.test(range),
    satisfies: (version, range) => (range.startsWith('^') ? version.split('.')[0] === range.slice(1).split('.')[0] : version === range),
    compareVersions: (one, other) => one.localeCompare(other, 'en', { numeric: true }),
    discountOperations: (discounts) => discounts as never,
    call: async (call) => {
      calls.push(call)
      const behave = behaviours.get(await call.loadBundle()) ?? (() => ({ output: NOTHING_SAID[call.point] }))
      const answer = await behave(call)
      const cost = { contract: `${call.point}@1`, input: call.input, cpuUs: 700, wallUs: 900, logs: ['looked'] }
      if ('output' in answer) return { ok: true, output: answer.output, raw: answer.output, ...cost }
      return { ok: false, reason: answer.reason, detail: answer.detail ?? 'it failed', ...cost }
    },
  }
}

export function testManifest(version: string, points: readonly (keyof Manifest['contracts'])[] = ['discount']): Manifest {
  return { name: 'volume-tiers', version, contracts: Object.fromEntries(points.map((point) => [point, '^1'])) }
}
