import postgres from 'postgres'

/** The roles of a cluster, and what each is for. See docs/decisions/0003-roles.md. */
export const ROLE_NAMES = ['souk_owner', 'souk_app', 'souk_platform', 'souk_queue', 'souk_mover'] as const
export type RoleName = (typeof ROLE_NAMES)[number]

export interface RoleOptions {
  /** A server's administrator: a superuser, or a role with CREATEROLE and CREATEDB. */
  adminUrl: string
  database: string
  passwords: Record<RoleName, string>
  /** How many times longer than in production statements, locks and transactions may take. For tests, whose machines may stand still. */
  patience?: number
  log?: (line: string) => void
}

/** Limits that hold for every connection of a role, whatever the process behind it does. */
const SETTINGS: Partial<Record<RoleName, Record<string, string>>> = {
  souk_app: {
    statement_timeout: '5s',
    lock_timeout: '2s',
    idle_in_transaction_session_timeout: '5s',
    transaction_timeout: '10s',
    synchronous_commit: 'on',
    // How the application's statements are planned: docs/decisions/0005-plans.md.
    plan_cache_mode: 'force_generic_plan',
    enable_seqscan: 'off',
    enable_hashjoin: 'off',
    enable_mergejoin: 'off',
    random_page_cost: '1.1',
    jit: 'off',
  },
  souk_platform: { statement_timeout: '5s', lock_timeout: '2s', idle_in_transaction_session_timeout: '5s', transaction_timeout: '10s' },
  souk_queue: {
    statement_timeout: '10s',
    idle_in_transaction_session_timeout: '10s',
    // A worker keeps the plan by which it looks for jobs, made when there were few. A scan and a sort read all of a backlog each time.
    enable_seqscan: 'off',
    enable_bitmapscan: 'off',
  },
}

/**
 * Creates the roles and the database where they are missing and sets every role's password and limits.
 * Repeating it changes nothing but the passwords. Needs PostgreSQL 18 (uuidv7).
 */
export async function ensureRoles(options: RoleOptions): Promise<void> {
  const admin = postgres(options.adminUrl, { max: 1, onnotice: () => {} })
  try {
    const [{ version } = { version: 0 }] = await admin<{ version: number }[]>`select current_setting('server_version_num')::int as version`
    if (version < 180000) throw new Error(`PostgreSQL 18 or later is needed; this server is ${Math.floor(version / 10000)}.`)
    for (const role of ROLE_NAMES) await ensureRole(admin, role, options)
    await grantOwnership(admin)
    const [database] = await admin`select 1 from pg_database where datname = ${options.database}`
    if (!database) await admin`create database ${admin(options.database)} owner souk_owner`
  } finally {
    await admin.end()
  }
}

async function ensureRole(admin: postgres.Sql, role: RoleName, options: RoleOptions): Promise<void> {
  const [existing] = await admin`select 1 from pg_roles where rolname = ${role}`
  if (!existing) {
    const attributes = role === 'souk_mover' ? 'login bypassrls replication' : 'login'
    try {
      await admin.unsafe(`create role ${role} ${attributes}`)
    } catch (error) {
      // A managed server's administrator may not be allowed to make this one; only moves need it.
      if (role !== 'souk_mover' || (error as { code?: string }).code !== '42501') throw error
      options.log?.('The administrator may not create souk_mover (BYPASSRLS, REPLICATION): merchants cannot be moved on this server.')
      return
    }
  }
  await admin.unsafe(`alter role ${role} password '${options.passwords[role].replaceAll("'", "''")}'`)
  if (role === 'souk_mover') await allowMoves(admin, options)
  for (const [setting, value] of Object.entries(SETTINGS[role] ?? {})) {
    await admin.unsafe(`alter role ${role} set ${setting} = '${inEffect(setting, value, options.patience)}'`)
  }
}

function inEffect(setting: string, value: string, patience = 1): string {
  return setting.endsWith('_timeout') ? `${Number.parseInt(value, 10) * patience}s` : value
}

/** What CREATE SUBSCRIPTION asks for, what lets rows be copied without their triggers firing a second time, and what shows how old others' transactions are. */
async function allowMoves(admin: postgres.Sql, options: RoleOptions): Promise<void> {
  try {
    await admin.unsafe('grant pg_create_subscription to souk_mover')
    await admin.unsafe('grant set on parameter session_replication_role to souk_mover')
    await admin.unsafe('grant pg_read_all_stats to souk_mover')
  } catch (error) {
    if ((error as { code?: string }).code !== '42501') throw error
    options.log?.('The administrator may not grant souk_mover what a move needs: see docs/decisions/0015-moves.md.')
  }
}

/** The owner may act as souk_queue, to give it its schemas; it does not inherit from it. */
async function grantOwnership(admin: postgres.Sql): Promise<void> {
  await admin.unsafe('grant souk_queue to souk_owner with inherit false, set true')
  const [me] = await admin<{ superuser: boolean }[]>`select rolsuper as superuser from pg_roles where rolname = current_user`
  if (!me?.superuser) await admin.unsafe('grant souk_owner to current_user with inherit false, set true')
}
