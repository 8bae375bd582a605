import type { FullCallRecord, PluginCallRecord } from '@souk/core/plugins/calls.ts'
import type { Install } from '@souk/core/plugins/install.ts'
import type { ExtensionPoint } from '@souk/core/plugins/port.ts'
import type { Release } from '@souk/core/plugins/releases.ts'
import { percent } from '@souk/core/pricing/percent.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { percentSchema } from './percent.ts'
import { givenTimeSchema, timeSchema } from './time.ts'

const PLUGIN_NAME_MAX = 64
const RANGE_LENGTH_MAX = 100
const BUNDLE_CHARACTERS_MAX = 512_000
const PROVIDERS_MAX = 3
const POSITION_MAX = 1_000

export const pluginNameSchema = z
  .string()
  .max(PLUGIN_NAME_MAX)
  .regex(/^[a-z][a-z0-9-]+$/)
const pointSchema = z.enum(['discount', 'tax', 'fulfillment'])
const policySchema = z.enum(['skip', 'refuse', 'fallback']).meta({
  description: 'When the plugin fails: leave it out, refuse the order (carts show a note), or let the built-in take over.',
})
const anyObject = z.record(z.string(), z.unknown())

export const newReleaseSchema = z.strictObject({
  manifest: anyObject,
  bundle: z.string().min(1).max(BUNDLE_CHARACTERS_MAX).meta({ description: 'The one file that `souk-plugin build` writes.' }),
})

export const releaseSchema = z
  .strictObject({
    id: idSchema,
    plugin: z.string(),
    version: z.string(),
    digest: z.string().meta({ description: 'SHA-256 of the bundle, in hexadecimal.' }),
    manifest: anyObject,
    pushed_at: timeSchema,
    withdrawn_at: timeSchema.nullable(),
  })
  .meta({ id: 'PluginRelease' })

const givenProvider = z.strictObject({
  point: pointSchema,
  failure_policy: policySchema.optional(),
  position: z.int().min(1).max(POSITION_MAX).optional().meta({ description: 'Order among the providers of a point.' }),
})
const versionRange = z
  .string()
  .min(1)
  .max(RANGE_LENGTH_MAX)
  .meta({ description: 'A version to pin, or a range such as ^1.2 that follows new releases.' })

export const newInstallSchema = z.strictObject({
  plugin: pluginNameSchema,
  version: versionRange,
  configuration: anyObject.default({}),
  providers: z.array(givenProvider).min(1).max(PROVIDERS_MAX).optional(),
})

export const installChangesSchema = z.strictObject({
  state: z.enum(['active', 'disabled']).optional(),
  version: versionRange.optional(),
  rollout_percent: percentSchema
    .optional()
    .meta({ description: 'Of buyers, who get the new version first; the same buyer always the same one.' }),
  configuration: anyObject.optional(),
  providers: z.array(givenProvider).min(1).max(PROVIDERS_MAX).optional(),
  log_all_until: givenTimeSchema.nullable().optional().meta({ description: 'Keep every call until then, not only failures and a sample.' }),
})

export const installSchema = z
  .strictObject({
    id: idSchema,
    plugin: z.string(),
    state: z.enum(['active', 'disabled', 'suspended']),
    version_range: z.string(),
    version: z.string(),
    candidate: z.strictObject({ version: z.string(), percent: z.string() }).nullable(),
    last_good_version: z.string().nullable(),
    failed_version: z.string().nullable(),
    configuration: anyObject,
    note: z.string().meta({ description: 'Why it was suspended, or went back to an earlier version.' }),
    log_all_until: timeSchema.nullable(),
    providers: z.array(
      z.strictObject({
        point: pointSchema,
        position: z.int(),
        failure_policy: policySchema,
        breaker: z.enum(['closed', 'open', 'half_open']).meta({ description: 'As the answering process knows it.' }),
      }),
    ),
    secrets: z.array(z.string()).meta({ description: 'Names of the secrets that are set. Their values are never shown.' }),
    updated_at: timeSchema,
  })
  .meta({ id: 'PluginInstall' })

export const callSchema = z.strictObject({
  id: idSchema,
  plugin: z.string(),
  version: z.string(),
  hook: z.string(),
  outcome: z.enum(['ok', 'failed']),
  reason: z.string().nullable(),
  detail: z.string().nullable(),
  cpu_us: z.int(),
  wall_us: z.int(),
  called_at: timeSchema,
})

export const fullCallSchema = callSchema.extend({
  contract: z.string(),
  input: z.unknown(),
  configuration: z.unknown(),
  output: z.unknown(),
  logs: z.array(z.string()),
})

export function presentRelease(release: Release): z.input<typeof releaseSchema> {
  return {
    id: release.id,
    plugin: release.plugin,
    version: release.version,
    digest: release.digest,
    manifest: release.manifest as unknown as Record<string, unknown>,
    pushed_at: release.pushedAt.toISOString(),
    withdrawn_at: release.withdrawnAt?.toISOString() ?? null,
  }
}

/** An installation as staff see it, with the breakers as this process knows them. */
export function presentInstall(install: Install, breakerOf: (releaseId: string, point: ExtensionPoint) => 'closed' | 'open' | 'half_open') {
  return {
    id: install.id,
    plugin: install.plugin,
    state: install.state,
    version_range: install.versionRange,
    version: install.release.version,
    candidate: install.candidate && { version: install.candidate.version, percent: percent(install.candidate.ppm) },
    last_good_version: install.lastGood?.version ?? null,
    failed_version: install.failed?.version ?? null,
    configuration: install.configuration as Record<string, unknown>,
    note: install.note,
    log_all_until: install.logAllUntil?.toISOString() ?? null,
    providers: install.providers.map(({ point, position, failurePolicy }) => ({
      point,
      position,
      failure_policy: failurePolicy,
      breaker: breakerOf(install.release.id, point),
    })),
    secrets: install.secrets,
    updated_at: install.updatedAt.toISOString(),
  } satisfies z.input<typeof installSchema>
}

export function presentCall(call: PluginCallRecord): z.input<typeof callSchema> {
  return {
    id: call.id,
    plugin: call.plugin,
    version: call.version,
    hook: call.hook.slice(call.hook.indexOf('.') + 1),
    outcome: call.outcome,
    reason: call.reason?.replaceAll('_', '-') ?? null,
    detail: call.detail,
    cpu_us: Number(call.cpuUs),
    wall_us: Number(call.wallUs),
    called_at: call.calledAt.toISOString(),
  }
}

/** A call whole: contract, hook, input, configuration and output are a fixture of the SDK as they stand. */
export function presentFullCall(call: FullCallRecord): z.input<typeof fullCallSchema> {
  const { input, configuration, output, logs } = call
  return { ...presentCall(call), contract: call.hook.slice(0, call.hook.indexOf('.')), input, configuration, output, logs }
}
