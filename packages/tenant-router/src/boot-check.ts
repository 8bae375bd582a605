import postgres from 'postgres'

const CONNECT_TIMEOUT_S = 5

interface RoleFacts {
  name: string
  acting_as: string
  superuser: boolean
  bypasses: boolean
  creates_roles: boolean
  creates_databases: boolean
  replicates: boolean
  memberships: string[]
  owned: string[]
  truncatable: string[]
}

/**
 * Refuses to start a process whose database role could reach past row security. Called at boot by whatever serves
 * merchants, for the directory and for every cell. The message names every reason at once and the role to use instead.
 */
export async function assertSafeRole(url: string): Promise<void> {
  const sql = postgres(url, {
    max: 1,
    connect_timeout: CONNECT_TIMEOUT_S,
    onnotice: () => {},
    connection: { application_name: 'souk-boot-check' },
  })
  try {
    const [role] = await sql<RoleFacts[]>`
      select r.rolname as name, current_user as acting_as, r.rolsuper as superuser, r.rolbypassrls as bypasses, r.rolcreaterole as creates_roles,
        r.rolcreatedb as creates_databases, r.rolreplication as replicates,
        array(select m.rolname::text from pg_auth_members a join pg_roles m on m.oid = a.roleid where a.member = r.oid order by 1) as memberships,
        array(
          select c.oid::regclass::text from pg_class c where c.relowner = r.oid and not c.relnamespace::regnamespace::text like 'pg\_%' order by 1 limit 5
        ) || array(select 'schema ' || n.nspname from pg_namespace n where n.nspowner = r.oid and n.nspname not like 'pg\_%' order by 1 limit 5)
          || array(select 'database ' || d.datname from pg_database d where d.datdba = r.oid order by 1 limit 5) as owned,
        array(
          select c.oid::regclass::text from pg_class c
          where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace and has_table_privilege(r.oid, c.oid, 'truncate') order by 1 limit 5
        ) as truncatable
      from pg_roles r where r.rolname = session_user`
    const reasons = role ? reasonsAgainst(role) : []
    if (role && reasons.length > 0) throw new UnsafeRole(role.name, reasons)
  } finally {
    await sql.end({ timeout: CONNECT_TIMEOUT_S })
  }
}

export class UnsafeRole extends Error {
  readonly reasons: string[]

  constructor(name: string, reasons: string[]) {
    super(`The database role ${name} may not serve merchants: it ${reasons.join('; it ')}. Connect as souk_app.`)
    this.name = 'UnsafeRole'
    this.reasons = reasons
  }
}

function reasonsAgainst(role: RoleFacts): string[] {
  const reasons: string[] = []
  // Whatever it acts as, a connection can go back to the role it logged in as.
  if (role.acting_as !== role.name) reasons.push(`acts as ${role.acting_as}`)
  if (role.superuser) reasons.push('is a superuser')
  if (role.bypasses) reasons.push('bypasses row security (BYPASSRLS)')
  if (role.creates_roles) reasons.push('may create roles (CREATEROLE)')
  if (role.creates_databases) reasons.push('may create databases (CREATEDB)')
  if (role.replicates) reasons.push('may replicate everything (REPLICATION)')
  if (role.memberships.length > 0) reasons.push(`is a member of ${role.memberships.join(', ')}`)
  if (role.owned.length > 0) reasons.push(`owns ${role.owned.join(', ')}`)
  if (role.truncatable.length > 0) reasons.push(`may truncate ${role.truncatable.join(', ')}`)
  return reasons
}
