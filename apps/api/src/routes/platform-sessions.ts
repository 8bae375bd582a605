import { normalizeEmail } from '@souk/core/merchant/staff.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Deps } from '../server.ts'
import { accessToken, SignInLimits, signInBody } from './sign-in.ts'

/** Platform admins sign in. */
export function platformSessionRoutes(fastify: FastifyInstance, { tokens, admins }: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const limits = new SignInLimits()

  app.post(
    '/v1/sessions',
    { config: { gate: 'platform-public', summary: 'Sign in as an admin' }, schema: { body: signInBody, response: { 200: accessToken } } },
    async ({ body, ip, now }) => {
      const admin = await limits.attempt({ account: normalizeEmail(body.email), address: ip, now }, () => admins.signIn(body))
      return tokens.issue('platform', admin.id, now)
    },
  )
}
