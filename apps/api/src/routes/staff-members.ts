import { appointStaff, changeStaff, listStaff, loadStaffMember, resetStaffPassword } from '@souk/core/merchant/manage-staff.ts'
import { changeOwnPassword, setPasswordByToken } from '@souk/core/merchant/staff-password.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Deps } from '../server.ts'
import { idSchema } from '../wire/id.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import {
  invitedSchema,
  memberChangesSchema,
  memberSchema,
  newMemberSchema,
  passwordTokenSchema,
  presentMember,
  presentPasswordToken,
} from '../wire/staff.ts'
import { newPassword, SignInLimits, signInBody } from './sign-in.ts'

const params = z.strictObject({ staff_id: idSchema })
const TOKEN_LENGTH_MAX = 200

/** A merchant's staff: who they are, what they may do, and how they come in. */
export function staffMemberRoutes(fastify: FastifyInstance, deps: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/staff',
    {
      config: { gate: 'staff', scopes: ['staff:read'], summary: 'List the staff, the newest first' },
      schema: { querystring: z.strictObject(pageQuery), response: { 200: pageOf(memberSchema) } },
    },
    async ({ inMerchant, query }) => {
      const { members, nextCursor } = await inMerchant.read((tx) => listStaff(tx, deps.tokenKeys, query))
      return { data: members.map(presentMember), next_cursor: nextCursor }
    },
  )

  app.get(
    '/v1/admin/staff/:staff_id',
    {
      config: { gate: 'staff', scopes: ['staff:read'], summary: 'Read a member of staff' },
      schema: { params, response: { 200: memberSchema } },
    },
    async ({ inMerchant, params: { staff_id } }) => presentMember(await inMerchant.read((tx) => loadStaffMember(tx, staff_id))),
  )

  app.post(
    '/v1/admin/staff',
    {
      config: { gate: 'staff', scopes: ['staff:write'], summary: 'Invite somebody: they set a password with the token of the answer' },
      schema: { body: newMemberSchema, response: { 201: invitedSchema } },
    },
    async ({ inMerchant, principal, body, now }, reply) => {
      const { member, invitation } = await inMerchant((tx) => appointStaff(tx, principal, { ...body, now }))
      return reply.code(201).send({ ...presentMember(member), invitation: presentPasswordToken(invitation) })
    },
  )

  app.patch(
    '/v1/admin/staff/:staff_id',
    {
      config: { gate: 'staff', scopes: ['staff:write'], summary: 'Give a member another name or role, or turn them away' },
      schema: { params, body: memberChangesSchema, response: { 200: memberSchema } },
    },
    async ({ inMerchant, principal, params: { staff_id: id }, body: { reason = '', ...changes }, now }) => {
      const member = await inMerchant((tx) => changeStaff(tx, principal, { id, changes, reason, now }))
      deps.principals.forgetStaff(inMerchant.merchant.id, id)
      return presentMember(member)
    },
  )

  app.post(
    '/v1/admin/staff/:staff_id/password-reset',
    {
      config: {
        gate: 'staff',
        scopes: ['staff:write'],
        summary: 'Void the password and sessions of a member, who sets another with the token',
      },
      schema: { params, response: { 201: passwordTokenSchema } },
    },
    async ({ inMerchant, principal, params: { staff_id: id }, now }, reply) => {
      const token = await inMerchant((tx) => resetStaffPassword(tx, principal, { id, now }))
      deps.principals.forgetStaff(inMerchant.merchant.id, id)
      return reply.code(201).send(presentPasswordToken(token))
    },
  )

  passwordRoutes(fastify, deps)
}

function passwordRoutes(fastify: FastifyInstance, { principals }: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const limits = new SignInLimits()

  app.post(
    '/v1/admin/password',
    {
      config: { gate: 'store', summary: 'Set a password with the token of an invitation or a reset' },
      schema: { body: z.strictObject({ token: z.string().max(TOKEN_LENGTH_MAX), password: newPassword }), response: { 204: z.null() } },
    },
    async ({ inMerchant, body, ip, now }, reply) => {
      const who = { account: `${inMerchant.merchant.id}|${body.token}`, address: ip, now }
      await limits.attempt(who, () => setPasswordByToken(inMerchant, { ...body, now }))
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/v1/admin/me/password',
    {
      config: { gate: 'staff', scopes: [], summary: 'Change your own password; all your sessions end' },
      schema: {
        body: z.strictObject({ current_password: signInBody.shape.password, password: newPassword }),
        response: { 204: z.null() },
      },
    },
    async ({ inMerchant, principal: { actor, id }, body, ip, now }, reply) => {
      const { current_password: currentPassword, password } = body
      const who = { account: `${inMerchant.merchant.id}|${id}`, address: ip, now }
      await limits.attempt(who, () => changeOwnPassword(inMerchant, { actor, currentPassword, password, now }))
      principals.forgetStaff(inMerchant.merchant.id, id)
      return reply.code(204).send(null)
    },
  )
}
