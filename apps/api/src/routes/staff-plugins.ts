import { openCursor, sealCursor } from '@souk/core/capability.ts'
import { callsQuery, loadCall, type PluginCallRecord, usageQuery } from '@souk/core/plugins/calls.ts'
import { loadInstall } from '@souk/core/plugins/install.ts'
import { loadRelease, pushRelease, type Release, releasesQuery } from '@souk/core/plugins/releases.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Deps } from '../server.ts'
import { idSchema } from '../wire/id.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import {
  callSchema,
  fullCallSchema,
  newReleaseSchema,
  pluginNameSchema,
  presentCall,
  presentFullCall,
  presentRelease,
  releaseSchema,
} from '../wire/plugin.ts'

const USAGE_DAYS = 31

const installParams = z.strictObject({ install_id: idSchema })
const usageSchema = z.strictObject({
  data: z.array(z.strictObject({ day: z.string(), calls: z.int(), failures: z.int(), cpu_ms: z.int() })),
})

/** What an author does with a shop: push releases, read what became of calls. */
export function staffPluginRoutes(fastify: FastifyInstance, { plugins, tokenKeys }: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/v1/admin/plugins/releases',
    {
      config: {
        gate: 'staff',
        scopes: ['plugins:write'],
        addsRows: true,
        summary: 'Push a release of a plugin; it is checked and kept, and runs nowhere yet',
      },
      schema: { body: newReleaseSchema, response: { 201: releaseSchema } },
    },
    async ({ inMerchant, body, principal, now }, reply) =>
      reply.code(201).send(presentRelease(await pushRelease(inMerchant, plugins.port, body, { actor: principal.actor, now }))),
  )

  app.get(
    '/v1/admin/plugins/releases',
    {
      config: { gate: 'staff', scopes: ['plugins:read'], summary: 'List releases, the newest first; of one plugin if asked' },
      schema: {
        querystring: z.strictObject({ ...pageQuery, plugin: pluginNameSchema.optional() }),
        response: { 200: pageOf(releaseSchema) },
      },
    },
    async ({ inMerchant, query: { limit, cursor, plugin } }) => {
      const scope = { merchantId: inMerchant.merchant.id, query: `plugin-releases|${plugin ?? ''}` }
      const [before] = cursor === undefined ? [] : openCursor(tokenKeys, scope, cursor)
      const asked = { limit: limit + 1, ...(plugin !== undefined && { plugin }), ...(before !== undefined && { before }) }
      const [rows] = await inMerchant.readOnce((tx) => [releasesQuery(tx, asked)])
      const shown = (rows as unknown as Release[]).slice(0, limit)
      const next = rows!.length > limit ? sealCursor(tokenKeys, scope, [shown.at(-1)!.id]) : null
      return { data: shown.map(presentRelease), next_cursor: next }
    },
  )

  app.get(
    '/v1/admin/plugins/releases/:release_id',
    {
      config: { gate: 'staff', scopes: ['plugins:read'], summary: 'Read a release' },
      schema: { params: z.strictObject({ release_id: idSchema }), response: { 200: releaseSchema } },
    },
    async ({ inMerchant, params }) => presentRelease(await inMerchant.read((tx) => loadRelease(tx, params.release_id))),
  )

  app.get(
    '/v1/admin/plugins/usage',
    {
      config: { gate: 'staff', scopes: ['plugins:read'], summary: 'What plugins cost on each of the last days' },
      schema: { response: { 200: usageSchema } },
    },
    async ({ inMerchant }) => {
      const [rows] = await inMerchant.readOnce((tx) => [usageQuery(tx, USAGE_DAYS)])
      const days = rows as unknown as { day: string; calls: bigint; failures: bigint; cpuUs: bigint }[]
      return {
        data: days.map(({ day, calls, failures, cpuUs }) => ({
          day,
          calls: Number(calls),
          failures: Number(failures),
          cpu_ms: Number(cpuUs / 1_000n),
        })),
      }
    },
  )

  callRoutes(fastify, { tokenKeys })
}

function callRoutes(fastify: FastifyInstance, { tokenKeys }: Pick<Deps, 'tokenKeys'>): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/plugins/installs/:install_id/calls',
    {
      config: { gate: 'staff', scopes: ['plugins:read'], summary: "List an installation's kept calls, the newest first" },
      schema: {
        params: installParams,
        querystring: z.strictObject({ ...pageQuery, outcome: z.enum(['ok', 'failed'], 'invalid_parameter').optional() }),
        response: { 200: pageOf(callSchema) },
      },
    },
    async ({ inMerchant, params: { install_id }, query: { limit, cursor, outcome } }) => {
      const scope = { merchantId: inMerchant.merchant.id, query: `plugin-calls|${install_id}|${outcome ?? ''}` }
      const [before] = cursor === undefined ? [] : openCursor(tokenKeys, scope, cursor)
      const calls = await inMerchant.read(async (tx) => {
        await loadInstall(tx, install_id)
        return (await callsQuery(tx, { installId: install_id, outcome, before, limit: limit + 1 })) as unknown as PluginCallRecord[]
      })
      const shown = calls.slice(0, limit)
      const next = calls.length > limit ? sealCursor(tokenKeys, scope, [shown.at(-1)!.id]) : null
      return { data: shown.map(presentCall), next_cursor: next }
    },
  )

  app.get(
    '/v1/admin/plugins/calls/:call_id',
    {
      config: { gate: 'staff', scopes: ['plugins:read'], summary: 'Read a call with its input, output and log: a fixture for the SDK' },
      schema: { params: z.strictObject({ call_id: idSchema }), response: { 200: fullCallSchema } },
    },
    async ({ inMerchant, params }) => presentFullCall(await inMerchant.read((tx) => loadCall(tx, params.call_id))),
  )
}
