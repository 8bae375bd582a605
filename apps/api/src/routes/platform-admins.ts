import { AdminAccounts } from '@souk/platform/admin-accounts.ts'
import { scopesOfAdmin } from '@souk/platform/admin-roles.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Deps } from '../server.ts'
import {
  adminRoleSchema,
  adminSchema,
  adminSelfSchema,
  adminTokenSchema,
  invitedAdminSchema,
  presentAdmin,
  presentAdminToken,
} from '../wire/admin.ts'
import { idSchema } from '../wire/id.ts'
import { emailSchema } from '../wire/text.ts'
import { newPassword, SignInLimits, signInBody } from './sign-in.ts'

const params = z.strictObject({ admin_id: idSchema })
const dryRun = z.boolean().default(false).meta({ description: 'Only say what would come of it' })
const TOKEN_LENGTH_MAX = 200

/** Who runs the platform: who they are, what they may do, and how they come in. */
export function platformAdminRoutes(fastify: FastifyInstance, { platformSql, principals }: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const accounts = new AdminAccounts(platformSql)

  app.get(
    '/v1/admins',
    {
      config: { gate: 'platform', scopes: ['admins:read'], summary: 'List admins' },
      schema: { response: { 200: z.object({ data: z.array(adminSchema) }) } },
    },
    async () => ({ data: (await accounts.list()).map(presentAdmin) }),
  )

  app.post(
    '/v1/admins',
    {
      config: { gate: 'platform', scopes: ['admins:write'], summary: 'Invite an admin: they set a password with the token of the answer' },
      schema: {
        body: z.strictObject({ email: emailSchema, role: adminRoleSchema, dry_run: dryRun }),
        response: { 200: invitedAdminSchema, 201: invitedAdminSchema },
      },
    },
    async ({ body: { email, role, dry_run: isTried }, principal, now }, reply) => {
      const { admin, token } = await accounts.invite({ email, role }, { adminId: principal.id, now }, isTried)
      return reply.code(isTried ? 200 : 201).send({ ...presentAdmin(admin), invitation: presentAdminToken(token, isTried) })
    },
  )

  app.get(
    '/v1/admins/:admin_id',
    { config: { gate: 'platform', scopes: ['admins:read'], summary: 'An admin' }, schema: { params, response: { 200: adminSchema } } },
    async ({ params: { admin_id: id } }) => presentAdmin(await accounts.find(id)),
  )

  app.patch(
    '/v1/admins/:admin_id',
    {
      config: { gate: 'platform', scopes: ['admins:write'], summary: 'Give an admin another role, or turn them away' },
      schema: {
        params,
        body: z.strictObject({ role: adminRoleSchema.optional(), disabled: z.boolean().optional(), dry_run: dryRun }),
        response: { 200: adminSchema },
      },
    },
    async ({ params: { admin_id: id }, body: { dry_run: isTried, ...changes }, principal, now }) => {
      const admin = await accounts.change(id, changes, { adminId: principal.id, now }, isTried)
      principals.forgetAdmin(id)
      return presentAdmin(admin)
    },
  )

  app.post(
    '/v1/admins/:admin_id/password-reset',
    {
      config: {
        gate: 'platform',
        scopes: ['admins:write'],
        summary: 'Void the password and tokens of an admin, who sets another password with the token',
      },
      schema: { params, body: z.strictObject({ dry_run: dryRun }), response: { 200: adminTokenSchema, 201: adminTokenSchema } },
    },
    async ({ params: { admin_id: id }, body: { dry_run: isTried }, principal, now }, reply) => {
      const token = await accounts.resetPassword(id, { adminId: principal.id, now }, isTried)
      principals.forgetAdmin(id)
      return reply.code(isTried ? 200 : 201).send(presentAdminToken(token, isTried))
    },
  )
}

/** What admins do about themselves. */
export function platformSelfRoutes(fastify: FastifyInstance, { platformSql, principals }: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const accounts = new AdminAccounts(platformSql)
  const limits = new SignInLimits()

  app.get(
    '/v1/me',
    {
      config: { gate: 'platform', scopes: [], summary: 'Who you are, and what you may do' },
      schema: { response: { 200: adminSelfSchema } },
    },
    async ({ principal: { id } }) => {
      const admin = await accounts.find(id)
      return { ...presentAdmin(admin), scopes: [...scopesOfAdmin(admin.role)] }
    },
  )

  app.post(
    '/v1/me/password',
    {
      config: { gate: 'platform', scopes: [], summary: 'Change your own password; all your tokens end' },
      schema: {
        body: z.strictObject({ current_password: signInBody.shape.password, password: newPassword }),
        response: { 204: z.null() },
      },
    },
    async ({ principal: { id }, body: { current_password: currentPassword, password }, ip, now }, reply) => {
      await limits.attempt({ account: id, address: ip, now }, () => accounts.changeOwnPassword({ id, currentPassword, password, now }))
      principals.forgetAdmin(id)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/v1/password',
    {
      config: { gate: 'platform-public', summary: 'Set a password with the token of an invitation or a reset' },
      schema: { body: z.strictObject({ token: z.string().max(TOKEN_LENGTH_MAX), password: newPassword }), response: { 204: z.null() } },
    },
    async ({ body, ip, now }, reply) => {
      await limits.attempt({ account: body.token, address: ip, now }, () => accounts.setPasswordByToken({ ...body, now }))
      return reply.code(204).send(null)
    },
  )
}
