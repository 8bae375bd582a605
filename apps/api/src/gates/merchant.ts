import type { MerchantEntry } from '@souk/tenant-router/merchant-entry.ts'
import type { Router } from '@souk/tenant-router/router.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { Problem } from '../errors.ts'

export type HostKind = 'platform' | 'api' | MerchantEntry

const MERCHANT_HEADER = 'x-merchant-id'
const merchantId = z.uuid().regex(/^[0-9a-f-]+$/)

/** What is served at the request's host. Refuses `misdirected` when that is nothing. */
export async function hostKind(router: Router, baseDomain: string, hostName: string): Promise<HostKind> {
  if (hostName === `platform.${baseDomain}`) return 'platform'
  if (hostName === `api.${baseDomain}`) return 'api'
  const merchant = await router.directory.byHost(hostName)
  // One that is still being set up is not served yet, and is not known to anybody.
  if (!merchant || merchant.status === 'provisioning') throw new Problem('misdirected')
  return merchant
}

/**
 * Turns the request to its merchant: the host's, or at the API's own host the one that X-Merchant-Id names. Where both speak,
 * they must agree. A merchant that is remembered, as almost every one is, costs no promise.
 */
export function merchantGate(router: Router, baseDomain: string) {
  const face = (request: FastifyRequest, merchant: MerchantEntry) => {
    if (merchant.status === 'suspended') throw new Problem('merchant_suspended')
    request.inMerchant = router.inMerchant(merchant)
  }
  const find = async (request: FastifyRequest): Promise<void> => {
    const kind = await hostKind(router, baseDomain, request.hostName)
    if (kind === 'platform') throw new Problem('not_found')
    face(request, kind === 'api' ? await namedMerchant(router, request) : agreeing(kind, request))
  }
  const ownHosts = [`platform.${baseDomain}`, `api.${baseDomain}`]
  return (request: FastifyRequest, _reply: FastifyReply, done: () => void): Promise<void> | undefined => {
    const remembered = ownHosts.includes(request.hostName) ? undefined : router.directory.rememberedByHost(request.hostName)
    if (remembered?.status !== 'active') return find(request)
    face(request, agreeing(remembered, request))
    done()
    return undefined
  }
}

/** Lets only the platform's own host through. */
export function platformGate(router: Router, baseDomain: string) {
  return async (request: FastifyRequest): Promise<void> => {
    const kind = await hostKind(router, baseDomain, request.hostName)
    if (kind !== 'platform') throw new Problem('not_found')
    if (request.headers[MERCHANT_HEADER] !== undefined) throw new Problem('merchant_mismatch')
  }
}

async function namedMerchant(router: Router, request: FastifyRequest): Promise<MerchantEntry> {
  const named = request.headers[MERCHANT_HEADER]
  if (named === undefined) throw new Problem('merchant_missing')
  const id = merchantId.safeParse(named)
  if (!id.success) throw new Problem('invalid_id', { detail: 'X-Merchant-Id is not a UUID in its lower-case form.' })
  const merchant = await router.directory.byId(id.data)
  if (!merchant || merchant.status === 'provisioning') throw new Problem('misdirected')
  return merchant
}

function agreeing(merchant: MerchantEntry, request: FastifyRequest): MerchantEntry {
  const named = request.headers[MERCHANT_HEADER]
  if (named !== undefined && named !== merchant.id) throw new Problem('merchant_mismatch')
  return merchant
}
