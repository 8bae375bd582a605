import type { WorkClass } from '@souk/platform/plans/limits.ts'
import type { RouteOptions } from 'fastify'

// Where buyers are about to pay, or have paid and come back: the last that gives way.
const CHECKOUT = /^\/v1\/(carts|orders|callbacks\/payments|payment-providers)(\/|$)/

/** What a route's requests count as; undefined for those that are no merchant's. */
export function workClassOf({ url, config }: Pick<RouteOptions, 'url' | 'config'>): WorkClass | undefined {
  if (config?.gate === 'staff') return 'staff'
  if (config?.gate !== 'store') return undefined
  if (url.startsWith('/v1/admin/')) return 'staff'
  return CHECKOUT.test(url) ? 'checkout' : 'storefront'
}
