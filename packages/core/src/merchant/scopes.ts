/** What a principal may do. A route asks for some of these; staff have those of their role, an API key those it was given. */
export const SCOPES = [
  'settings:read',
  'settings:write',
  'keys:write',
  'catalog:read',
  'catalog:write',
  'stock:read',
  'stock:write',
  'orders:read',
  'orders:write',
  'customers:read',
  'customers:write',
  'plugins:read',
  'plugins:write',
  'promotions:read',
  'promotions:write',
  'audit:read',
  'events:read',
  'jobs:read',
  'jobs:write',
] as const

export type Scope = (typeof SCOPES)[number]
export type StaffRole = 'owner'

const SCOPES_OF_ROLE: Record<StaffRole, readonly Scope[]> = { owner: SCOPES }

export function scopesOfRole(role: StaffRole): readonly Scope[] {
  return SCOPES_OF_ROLE[role]
}
