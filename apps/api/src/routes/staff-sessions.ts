import { signIn } from '@souk/core/merchant/sessions.ts'
import { normalizeEmail } from '@souk/core/merchant/staff.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Deps } from '../server.ts'
import { idSchema } from '../wire/id.ts'
import { accessToken, SignInLimits, signInBody } from './sign-in.ts'

const me = z.object({ kind: z.enum(['staff', 'api_key']), id: idSchema, merchant_id: idSchema, scopes: z.array(z.string()) })

/** Staff sign in; and whoever holds a credential can ask what it is good for. */
export function staffSessionRoutes(fastify: FastifyInstance, { tokens }: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const limits = new SignInLimits()

  app.post(
    '/v1/admin/sessions',
    { config: { gate: 'store', summary: 'Sign in as staff' }, schema: { body: signInBody, response: { 200: accessToken } } },
    async (request) => {
      const { inMerchant, body, now } = request
      const merchantId = inMerchant.merchant.id
      const who = { account: `${merchantId}|${normalizeEmail(body.email)}`, address: request.ip, now }
      const member = await limits.attempt(who, () => signIn(inMerchant, body))
      // Right after a change of the password tokens begin to be good with the next second.
      const from = new Date(Math.max(now.getTime(), member.tokensValidAfter.getTime()))
      return tokens.issue({ merchantId }, member.id, from)
    },
  )

  app.get(
    '/v1/admin/me',
    { config: { gate: 'staff', scopes: [], summary: 'What the credential is good for' }, schema: { response: { 200: me } } },
    ({ principal, inMerchant }) => ({
      kind: principal.kind as 'staff' | 'api_key',
      id: principal.id,
      merchant_id: inMerchant.merchant.id,
      scopes: [...principal.scopes],
    }),
  )
}
