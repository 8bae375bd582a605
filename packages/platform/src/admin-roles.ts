/** What an admin may do. Every route of the platform asks for some of these; an admin has those of their role. */
export const PLATFORM_SCOPES = [
  'merchants:read',
  'merchants:write',
  'data:read',
  'data:write',
  'cells:read',
  'cells:write',
  'moves:read',
  'moves:write',
  'plans:write',
  'plugins:write',
  'audit:read',
  'admins:read',
  'admins:write',
] as const

export type PlatformScope = (typeof PLATFORM_SCOPES)[number]

export const ADMIN_ROLES = ['owner', 'operator', 'viewer'] as const
export type AdminRole = (typeof ADMIN_ROLES)[number]

const OF_VIEWERS: readonly PlatformScope[] = ['merchants:read', 'cells:read', 'moves:read', 'audit:read', 'admins:read']

/**
 * What each role may do; docs/admins.md says the same, and a test holds every route of the platform to it. Operators run cells, moves,
 * plans and shops; whatever a merchant holds as a whole (archives, sandboxes, erasures) and who else may come in is for owners.
 */
const SCOPES_OF_ROLE: Record<AdminRole, readonly PlatformScope[]> = {
  owner: PLATFORM_SCOPES,
  operator: [...OF_VIEWERS, 'merchants:write', 'cells:write', 'moves:write', 'plans:write', 'plugins:write'],
  viewer: OF_VIEWERS,
}

export function scopesOfAdmin(role: AdminRole): readonly PlatformScope[] {
  return SCOPES_OF_ROLE[role]
}
