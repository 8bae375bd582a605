import { completeEmailChange, completeRegistration, resetPassword } from '@souk/core/accounts/complete-request.ts'
import { register, requestPasswordReset } from '@souk/core/customers/accounts.ts'
import { refreshSession, type SignedIn, signInCustomer } from '@souk/core/customers/sessions.ts'
import { normalizeEmail } from '@souk/core/merchant/staff.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { ATTEMPTS_PER_ACCOUNT, ATTEMPTS_PER_ADDRESS, AttemptLimits } from '../attempt-limits.ts'
import type { Deps } from '../server.ts'
import {
  ACCEPTED,
  acceptedSchema,
  customerSignInSchema,
  presentSession,
  refreshSchema,
  registrationSchema,
  resetRequestSchema,
  resetSchema,
  sessionSchema,
  tokenSchema,
  verificationSchema,
} from '../wire/account.ts'
import { SignInLimits } from './sign-in.ts'

type SessionDeps = Pick<Deps, 'tokens' | 'tokenKeys'>

/** How buyers get an account and sign in. Nothing here tells whether an address is known. */
export function customerSessionRoutes(fastify: FastifyInstance, deps: SessionDeps): void {
  signUpRoutes(fastify, deps)
  signInRoutes(fastify, deps)
  mailedTokenRoutes(fastify, deps)
}

function signUpRoutes(fastify: FastifyInstance, deps: SessionDeps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const asked = new RequestLimits()
  const limits = new SignInLimits()

  app.post(
    '/v1/customers',
    {
      config: { gate: 'store', summary: 'Sign up: the address is mailed a token' },
      schema: { body: registrationSchema, response: { 202: acceptedSchema } },
    },
    async (request, reply) => {
      const { inMerchant, body, now } = request
      asked.take(request, body.email)
      const { email, password, name = '', locale = null } = body
      await register(inMerchant, { email, password, name, locale, now })
      return reply.code(202).send(ACCEPTED)
    },
  )

  app.post(
    '/v1/customers/verifications',
    {
      config: { gate: 'store', summary: 'Confirm the address with the mailed token and the chosen password; signs in' },
      schema: { body: verificationSchema, response: { 200: sessionSchema } },
    },
    async (request) => {
      const { inMerchant, body, now } = request
      const { token, password, device = '' } = body
      const who = { account: `${inMerchant.merchant.id}|${token}`, address: request.ip, now }
      const given = { token, password, device, now }
      const signedIn = await limits.attempt(who, () => completeRegistration(inMerchant, deps.tokenKeys, given))
      return present(request, deps, signedIn)
    },
  )
}

function signInRoutes(fastify: FastifyInstance, deps: SessionDeps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const limits = new SignInLimits()

  app.post(
    '/v1/customers/sessions',
    {
      config: { gate: 'store', summary: 'Sign in as a customer' },
      schema: { body: customerSignInSchema, response: { 200: sessionSchema } },
    },
    async (request) => {
      const { inMerchant, body, now } = request
      const { email, password, device = '' } = body
      const who = { account: `${inMerchant.merchant.id}|${normalizeEmail(email)}`, address: request.ip, now }
      const given = { email, password, device, now }
      const signedIn = await limits.attempt(who, () => signInCustomer(inMerchant, deps.tokenKeys, given))
      return present(request, deps, signedIn)
    },
  )

  app.post(
    '/v1/customers/sessions/refresh',
    {
      config: { gate: 'store', summary: 'Go on with a session: a new access token, and the next refresh token' },
      schema: { body: refreshSchema, response: { 200: sessionSchema } },
    },
    async (request) => {
      const given = { refreshToken: request.body.refresh_token, now: request.now }
      return present(request, deps, await refreshSession(request.inMerchant, deps.tokenKeys, given))
    },
  )
}

function mailedTokenRoutes(fastify: FastifyInstance, { tokenKeys }: SessionDeps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const asked = new RequestLimits()

  app.post(
    '/v1/customers/password-resets',
    {
      config: { gate: 'store', summary: 'Ask for a new password: a customer of this address is mailed a token' },
      schema: { body: resetRequestSchema, response: { 202: acceptedSchema } },
    },
    async (request, reply) => {
      const { inMerchant, body, now } = request
      asked.take(request, body.email)
      await requestPasswordReset(inMerchant, { email: body.email, now })
      return reply.code(202).send(ACCEPTED)
    },
  )

  app.post(
    '/v1/customers/password-resets/complete',
    {
      config: { gate: 'store', summary: 'Set a new password with the mailed token; all sessions end' },
      schema: { body: resetSchema, response: { 204: z.null() } },
    },
    async ({ inMerchant, body, now }, reply) => {
      await resetPassword(inMerchant, tokenKeys, { token: body.token, password: body.new_password, now })
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/v1/customers/email-changes/complete',
    {
      config: { gate: 'store', summary: 'Move the account to the address that the token was mailed to' },
      schema: { body: tokenSchema, response: { 204: z.null() } },
    },
    async ({ inMerchant, body, now }, reply) => {
      await completeEmailChange(inMerchant, tokenKeys, { token: body.token, now })
      return reply.code(204).send(null)
    },
  )
}

/** Bounds what one client asks to be mailed, and how often one address is named, whether it is known or not. */
export class RequestLimits {
  readonly #accounts = new AttemptLimits(ATTEMPTS_PER_ACCOUNT)
  readonly #addresses = new AttemptLimits(ATTEMPTS_PER_ADDRESS)

  take(request: Pick<FastifyRequest, 'ip' | 'now' | 'inMerchant'>, email: string): void {
    this.#addresses.take(request.ip, request.now)
    this.#accounts.take(`${request.inMerchant.merchant.id}|${normalizeEmail(email)}`, request.now)
  }
}

function present({ inMerchant, now }: Pick<FastifyRequest, 'inMerchant' | 'now'>, { tokens }: SessionDeps, signedIn: SignedIn) {
  return presentSession(signedIn, { tokens, merchantId: inMerchant.merchant.id, now })
}
