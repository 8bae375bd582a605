import type { TokenKeys } from '@souk/core/capability.ts'
import type { Router } from '@souk/tenant-router/router.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { z } from 'zod'
import { Problem } from '../errors.ts'
import { nameUseCases } from '../name-use-cases.ts'
import type { Quotas } from '../quotas/quotas.ts'
import { workClassOf } from '../quotas/work-class.ts'
import { assertPlainBody } from '../request-body.ts'
import { checkRequest } from '../request-checks.ts'
import { capabilityGate } from './capability.ts'
import { idempotencyGate } from './idempotency.ts'
import { merchantGate, platformGate } from './merchant.ts'
import { assertScopes, credentialOf, type Principals } from './principal.ts'
import type { Gate } from './route-config.ts'

export interface GateOptions {
  router: Router
  baseDomain: string
  tokenKeys: TokenKeys
  principals: Principals
  quotas: Quotas
  now: () => Date
  /** Routes of plugins that serve the API reference; they cannot declare a gate themselves. */
  referencePrefix: string
}

/** As Fastify takes it: calls `done` and answers nothing, or answers a promise and leaves `done` alone. */
type Hook = (request: FastifyRequest, reply: FastifyReply, done: () => void) => Promise<void> | undefined
type Config = NonNullable<RouteOptions['config']>

const noQuery = z.strictObject({})

/**
 * Puts the gates in front of every route, by what its `config` declares: merchant, quota, principal, capability,
 * idempotency, in this order. A route that declares no gate, or leaves an input unchecked, stops the process at its start.
 */
export function raiseGates(app: FastifyInstance, options: GateOptions): void {
  nameUseCases(app)
  app.decorateRequest('hostName', '')
  app.decorateRequest('now')
  app.decorateRequest('inMerchant')
  app.decorateRequest('principal')
  app.decorateRequest('customer', undefined)
  app.decorateRequest('idempotency', undefined)
  app.decorateRequest('problem', undefined)
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('request-id', request.id).header('x-content-type-options', 'nosniff')
    request.hostName = checkRequest(request.raw)
    request.now = options.now()
    assertPlainBody(request)
    done()
  })
  app.addHook('onRoute', (route) => {
    if (route.url.startsWith(options.referencePrefix)) route.config = { ...route.config, gate: 'public' }
    else assertDeclared(route)
    const config = route.config as Config
    const name = `${route.method} ${route.url}`
    route.onRequest = [...(isPrivate(config) ? [keepOutOfCaches] : []), ...onRequestGates(route, options), ...hooksOf(route.onRequest)]
    if (config.idempotency) route.preValidation = [idempotencyGate(config.idempotency, name), ...hooksOf(route.preValidation)]
    if (config.capability) route.preHandler = [capabilityGate(options.tokenKeys, config.capability), ...hooksOf(route.preHandler)]
    if (workClassOf(route)) route.preHandler = [...hooksOf(route.preHandler), options.quotas.follow]
  })
}

/** What a route must say of itself before it is served. */
function assertDeclared(route: RouteOptions): void {
  const { config, schema, url } = route
  const name = `${route.method} ${url}`
  if (!config?.gate) throw new Error(`${name} declares no gate.`)
  if (config.customer && config.gate !== 'store') throw new Error(`${name} is for customers, and not at a shop.`)
  if ((config.gate === 'staff' || config.gate === 'platform') && !config.scopes) throw new Error(`${name} declares no scopes.`)
  if (url.includes(':') && !schema?.params) throw new Error(`${name} does not check its parameters.`)
  if (!schema?.response) throw new Error(`${name} does not describe its answers.`)
  route.schema = { querystring: noQuery, ...schema }
  const takesBody = [route.method].flat().some((method) => method === 'POST' || method === 'PATCH' || method === 'PUT')
  if (takesBody && !schema.body && !config.bodyType) route.preValidation = [refuseBody, ...hooksOf(route.preValidation)]
}

function onRequestGates(route: RouteOptions, options: GateOptions): Hook[] {
  const config = route.config as Config
  const workClass = workClassOf(route)
  const merchant = [merchantGate(options.router, options.baseDomain), ...(workClass ? [options.quotas.gate(workClass)] : [])]
  const platform = platformGate(options.router, options.baseDomain)
  const gates: Record<Gate, Hook[]> = {
    public: [],
    store: [...merchant, ...(config.customer ? [customerGate(options.principals, config.customer)] : [])],
    staff: [
      ...merchant,
      staffGate(options.principals, config.scopes ?? []),
      ...(config.addsRows ? [options.quotas.roomForRows.bind(options.quotas)] : []),
    ],
    'platform-public': [platform],
    platform: [platform, adminGate(options.principals, config.scopes ?? [])],
  }
  return gates[config.gate!]
}

function staffGate(principals: Principals, scopes: readonly string[]): Hook {
  return async (request) => {
    request.principal = await principals.ofMerchant(request.inMerchant, credentialOf(request), request.now)
    assertScopes(request.principal, scopes)
  }
}

/** Whoever carries a credential is held to it, also where none is needed. */
function customerGate(principals: Principals, mode: 'required' | 'optional'): Hook {
  return async (request) => {
    if (mode === 'optional' && request.headers.authorization === undefined) return
    request.customer = await principals.ofCustomer(request.inMerchant, credentialOf(request), request.now)
  }
}

function adminGate(principals: Principals, scopes: readonly string[]): Hook {
  return async (request) => {
    request.principal = await principals.ofPlatform(credentialOf(request), request.now)
    assertScopes(request.principal, scopes)
  }
}

/** Answers that are for one caller alone. */
function isPrivate({ gate, capability, customer, idempotency }: Config): boolean {
  return (
    gate === 'staff' ||
    customer !== undefined ||
    gate === 'platform' ||
    gate === 'platform-public' ||
    capability !== undefined ||
    idempotency !== undefined
  )
}

async function keepOutOfCaches(_request: FastifyRequest, reply: FastifyReply): Promise<void> {
  reply.header('cache-control', 'no-store')
}

async function refuseBody(request: FastifyRequest): Promise<void> {
  if (request.body !== undefined && request.body !== null) throw new Problem('unknown_field', { detail: 'This route takes no body.' })
}

function hooksOf<T>(hooks: T | T[] | undefined): T[] {
  return hooks === undefined ? [] : ([hooks].flat() as T[])
}
