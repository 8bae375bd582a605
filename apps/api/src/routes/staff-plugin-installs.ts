import { changeInstall, promoteCandidate, rollBack, uninstallPlugin } from '@souk/core/plugins/change-install.ts'
import { type Install, installsOf, loadInstall, toInstall } from '@souk/core/plugins/install.ts'
import { type GivenProvider, installPlugin } from '@souk/core/plugins/install-plugin.ts'
import { removeSecret, setSecret } from '@souk/core/plugins/secrets.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Deps } from '../server.ts'
import { idSchema } from '../wire/id.ts'
import { toPpm } from '../wire/percent.ts'
import { installChangesSchema, installSchema, newInstallSchema, presentInstall } from '../wire/plugin.ts'

const SECRET_LENGTH_MAX = 4_000

const params = z.strictObject({ install_id: idSchema })
const secretParams = z.strictObject({ install_id: idSchema, secret_name: z.string().regex(/^[a-z][a-z0-9_]{0,49}$/, 'invalid_id') })
const noAnswer = { 204: z.null() }

/** Which plugins a merchant uses, and how. */
export function staffPluginInstallRoutes(fastify: FastifyInstance, deps: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const { plugins } = deps
  const present = presenter(deps)

  app.get(
    '/v1/admin/plugins/installs',
    {
      config: { gate: 'staff', scopes: ['plugins:read'], summary: 'List installed plugins' },
      schema: { response: { 200: z.strictObject({ data: z.array(installSchema) }) } },
    },
    async ({ inMerchant }) => {
      const [rows] = await inMerchant.readOnce((tx) => [installsOf(tx)])
      return { data: rows!.map((row) => present(inMerchant.merchant.id, toInstall(row))) }
    },
  )

  app.post(
    '/v1/admin/plugins/installs',
    {
      config: { gate: 'staff', scopes: ['plugins:write'], summary: 'Install a plugin: from the next quote on it takes part' },
      schema: { body: newInstallSchema, response: { 201: installSchema } },
    },
    async ({ inMerchant, body, principal, now }, reply) => {
      const { plugin, version, configuration, providers } = body
      const given = { plugin, versionRange: version, configuration, providers: providers?.map(readProvider) }
      const install = await installPlugin(inMerchant, plugins.port, given, { actor: principal.actor, now })
      return reply.code(201).send(present(inMerchant.merchant.id, install))
    },
  )

  app.get(
    '/v1/admin/plugins/installs/:install_id',
    {
      config: { gate: 'staff', scopes: ['plugins:read'], summary: 'Read an installation' },
      schema: { params, response: { 200: installSchema } },
    },
    async ({ inMerchant, params: { install_id } }) =>
      present(inMerchant.merchant.id, await inMerchant.read((tx) => loadInstall(tx, install_id))),
  )

  app.patch(
    '/v1/admin/plugins/installs/:install_id',
    {
      config: { gate: 'staff', scopes: ['plugins:write'], summary: 'Configure, order, pin, roll out, turn on or off' },
      schema: { params, body: installChangesSchema, response: { 200: installSchema } },
    },
    async ({ inMerchant, params: { install_id }, body, principal, now }) => {
      const changes = {
        state: body.state,
        versionRange: body.version,
        rolloutPpm: body.rollout_percent === undefined ? undefined : toPpm(body.rollout_percent),
        configuration: body.configuration,
        providers: body.providers?.map(readProvider),
        logAllUntil: typeof body.log_all_until === 'string' ? new Date(body.log_all_until) : body.log_all_until,
      }
      const install = await changeInstall(inMerchant, plugins.port, install_id, changes, { actor: principal.actor, now })
      if (body.state === 'active') plugins.resetBreakers(inMerchant.merchant.id, install.release.id)
      return present(inMerchant.merchant.id, install)
    },
  )

  app.delete(
    '/v1/admin/plugins/installs/:install_id',
    {
      config: { gate: 'staff', scopes: ['plugins:write'], summary: 'Take a plugin out, with its secrets and its log' },
      schema: { params, response: noAnswer },
    },
    async ({ inMerchant, params: { install_id }, principal, now }, reply) => {
      await uninstallPlugin(inMerchant, install_id, { actor: principal.actor, now })
      return reply.code(204).send(null)
    },
  )

  versionRoutes(fastify, deps)
  secretRoutes(fastify, deps)
}

function versionRoutes(fastify: FastifyInstance, deps: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const present = presenter(deps)
  const schema = { params, response: { 200: installSchema } }

  app.post(
    '/v1/admin/plugins/installs/:install_id/promote',
    { config: { gate: 'staff', scopes: ['plugins:write'], summary: 'Give the version that is being rolled out to every buyer' }, schema },
    async ({ inMerchant, params: { install_id }, principal, now }) =>
      present(inMerchant.merchant.id, await promoteCandidate(inMerchant, install_id, { actor: principal.actor, now })),
  )

  app.post(
    '/v1/admin/plugins/installs/:install_id/rollback',
    { config: { gate: 'staff', scopes: ['plugins:write'], summary: 'Go back to the version before, and pin it' }, schema },
    async ({ inMerchant, params: { install_id }, principal, now }) =>
      present(inMerchant.merchant.id, await rollBack(inMerchant, install_id, { actor: principal.actor, now })),
  )

  app.post(
    '/v1/admin/plugins/installs/:install_id/reset-breakers',
    { config: { gate: 'staff', scopes: ['plugins:write'], summary: 'Ask a plugin again at once that was left alone for failing' }, schema },
    async ({ inMerchant, params: { install_id } }) => {
      const install = await inMerchant.read((tx) => loadInstall(tx, install_id))
      for (const release of [install.release, install.candidate]) {
        if (release) deps.plugins.resetBreakers(inMerchant.merchant.id, release.id)
      }
      return present(inMerchant.merchant.id, install)
    },
  )
}

function secretRoutes(fastify: FastifyInstance, { secretBox }: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.put(
    '/v1/admin/plugins/installs/:install_id/secrets/:secret_name',
    {
      config: { gate: 'staff', scopes: ['plugins:write'], summary: "Set a secret for the plugin's requests; it is never shown again" },
      schema: { params: secretParams, body: z.strictObject({ value: z.string().min(1).max(SECRET_LENGTH_MAX) }), response: noAnswer },
    },
    async ({ inMerchant, params: { install_id, secret_name }, body, principal, now }, reply) => {
      const secret = { installId: install_id, name: secret_name, value: body.value }
      await inMerchant((tx) => setSecret(tx, secretBox, secret, { actor: principal.actor, now }))
      return reply.code(204).send(null)
    },
  )

  app.delete(
    '/v1/admin/plugins/installs/:install_id/secrets/:secret_name',
    {
      config: { gate: 'staff', scopes: ['plugins:write'], summary: 'Forget a secret' },
      schema: { params: secretParams, response: noAnswer },
    },
    async ({ inMerchant, params: { install_id, secret_name }, principal, now }, reply) => {
      await inMerchant((tx) => removeSecret(tx, { installId: install_id, name: secret_name }, { actor: principal.actor, now }))
      return reply.code(204).send(null)
    },
  )
}

function presenter({ plugins }: Deps) {
  return (merchantId: string, install: Install) =>
    presentInstall(install, (releaseId, point) => plugins.breakerState(merchantId, releaseId, point))
}

type WireProvider = NonNullable<z.output<typeof newInstallSchema>['providers']>[number]

function readProvider({ point, failure_policy, position }: WireProvider): GivenProvider {
  return { point, failurePolicy: failure_policy, position }
}
