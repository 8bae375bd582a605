/** What a principal may do. A route asks for some of these; staff have those of their role, an API key those it was given. */
export const SCOPES = [
  'settings:read',
  'settings:write',
  'staff:read',
  'staff:write',
  'keys:write',
  'catalog:read',
  'catalog:write',
  'stock:read',
  'stock:write',
  'orders:read',
  'orders:write',
  'payments:read',
  'payments:write',
  'refunds:write',
  'fulfillment:read',
  'fulfillment:write',
  'deliveries:write',
  'customers:read',
  'customers:write',
  'gift_cards:read',
  'gift_cards:write',
  'ledger:read',
  'plugins:read',
  'plugins:write',
  'promotions:read',
  'promotions:write',
  'mail:read',
  'mail:write',
  'webhooks:read',
  'webhooks:write',
  'audit:read',
  'events:read',
  'jobs:read',
  'jobs:write',
] as const

export type Scope = (typeof SCOPES)[number]

export const STAFF_ROLES = ['owner', 'manager', 'support', 'warehouse', 'courier'] as const
export type StaffRole = (typeof STAFF_ROLES)[number]

/** An API key outlives the standing of whoever made it, so that only owners make them. */
const OF_OWNERS_ALONE: readonly Scope[] = ['keys:write']

/**
 * What each role may do; docs/staff-and-roles.md says the same in words, and a test holds every staff route to it. Support
 * speaks with buyers: it changes orders and pays back, and touches neither goods nor settings. The warehouse handles goods
 * and sees of an order what goes into its parcels, not what was paid. A courier sees the deliveries that are its own.
 */
const SCOPES_OF_ROLE: Record<StaffRole, readonly Scope[]> = {
  owner: SCOPES,
  manager: SCOPES.filter((scope) => !OF_OWNERS_ALONE.includes(scope)),
  support: [
    'settings:read',
    'catalog:read',
    'stock:read',
    'orders:read',
    'orders:write',
    'payments:read',
    'refunds:write',
    'fulfillment:read',
    'customers:read',
    'customers:write',
    'gift_cards:read',
    'promotions:read',
    'mail:read',
    'events:read',
  ],
  warehouse: ['staff:read', 'catalog:read', 'stock:read', 'stock:write', 'fulfillment:read', 'fulfillment:write', 'deliveries:write'],
  courier: ['deliveries:write'],
}

export function scopesOfRole(role: StaffRole): readonly Scope[] {
  return SCOPES_OF_ROLE[role]
}

/**
 * Whether somebody with these scopes may make a member of staff of this role, or change one: nobody hands out, or takes away,
 * what they may not do themselves. So a manager cannot touch an owner.
 */
export function mayAppoint(scopes: ReadonlySet<string>, role: StaffRole): boolean {
  return SCOPES_OF_ROLE[role].every((scope) => scopes.has(scope))
}
