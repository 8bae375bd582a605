import type { IdempotentRequest } from '@souk/core/idempotency/idempotency.ts'
import type { Scope } from '@souk/core/merchant/scopes.ts'
import type { PlatformScope } from '@souk/platform/admin-roles.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Principal, SignedInCustomer } from './principal.ts'

/**
 * Who may call a route. `store`: anybody, at a merchant's host. `staff`: a merchant's staff or API key. `platform`: an
 * admin, at the platform's host. `platform-public`: anybody, at the platform's host. `public`: anybody, at any host.
 */
export type Gate = 'store' | 'staff' | 'platform' | 'platform-public' | 'public'

declare module 'fastify' {
  interface FastifyContextConfig {
    gate?: Gate
    /** The scopes a route of staff or of the platform needs, all of them. */
    scopes?: readonly (Scope | PlatformScope)[]
    /** Of a store route: whether a customer has to be signed in, or may be. */
    customer?: 'required' | 'optional'
    idempotency?: 'required' | 'accepted'
    /** The route opens one cart or order to whoever holds its token. */
    capability?: 'cart' | 'order'
    /** The route adds rows that a plan may limit. */
    addsRows?: true
    /** The media type of a body that the route streams. */
    bodyType?: string
    /** One line for the API reference. */
    summary?: string
  }

  interface FastifyRequest {
    /** Lower case, without port. */
    hostName: string
    now: Date
    /** The door, facing the merchant of the host. Set by the gates `store` and `staff`. */
    inMerchant: InMerchant
    /** Set by the gates `staff` and `platform`. */
    principal: Principal
    /** Who is signed in; set where a route says `customer`, and always where that is required. */
    customer: SignedInCustomer | undefined
    /** Set when the request carries an Idempotency-Key and its route takes one. */
    idempotency: IdempotentRequest | undefined
    /** The slug of the problem that was answered, for the log. */
    problem: string | undefined
  }
}
