import { readNewPassword } from '../config.ts'
import { type Context, contextOf, dryRun, type Souk, yes } from '../context.ts'
import { PlainError } from '../plain-error.ts'
import type { Admin, AdminToken } from '../resources.ts'
import { table } from '../terminal.ts'

const ROLES = ['owner', 'operator', 'viewer'] as const
const named = { type: 'string', demandOption: true, describe: 'E-mail address or id of the admin' } as const

interface Changes {
  role?: (typeof ROLES)[number]
  disabled?: boolean
}

/** Who runs the platform, and what each of them may do. */
export function adminsCommand(souk: Souk): Souk {
  return souk.command('admins', 'Who runs the platform, and what each may do', (admins) =>
    addChanges(admins as unknown as Souk)
      .command(['list', '$0'], 'List them', {}, async (given) => list(contextOf(given as never)))
      .command('me', 'Who you are, and what you may do', {}, async (given) => showSelf(contextOf(given as never)))
      .command(
        'invite <email>',
        'Let somebody in: whoever has the token that is printed sets the password with `souk password`',
        (command) =>
          command
            .positional('email', { type: 'string', demandOption: true, describe: 'Their e-mail address' })
            .option('role', { choices: ROLES, demandOption: true, describe: 'What they may do: see docs/admins.md' })
            .option('dry-run', dryRun),
        async ({ email, role, dryRun, ...given }) => invite(contextOf(given as never), { email, role, dryRun }),
      )
      .command(
        'reset <admin>',
        'Void the password and tokens of an admin, who sets another password with the token that is printed',
        (command) => command.positional('admin', named).option('dry-run', dryRun).option('yes', yes),
        async ({ admin, dryRun, yes, ...given }) => reset(contextOf(given as never), { admin, dryRun, yes }),
      )
      .demandCommand(0),
  ) as Souk
}

function addChanges(admins: Souk): Souk {
  return admins
    .command(
      'role <admin> <role>',
      'Give an admin another role',
      (command) => command.positional('admin', named).positional('role', { choices: ROLES, demandOption: true }).option('dry-run', dryRun),
      async ({ admin, role, dryRun, ...given }) => change(contextOf(given as never), admin, { role }, { dryRun, yes: true }),
    )
    .command(
      'disable <admin>',
      'Turn an admin away: they cannot sign in, and their tokens are void',
      (command) => command.positional('admin', named).option('dry-run', dryRun).option('yes', yes),
      async ({ admin, dryRun, yes, ...given }) => change(contextOf(given as never), admin, { disabled: true }, { dryRun, yes }),
    )
    .command(
      'enable <admin>',
      'Let an admin in again who was turned away',
      (command) => command.positional('admin', named).option('dry-run', dryRun),
      async ({ admin, dryRun, ...given }) => change(contextOf(given as never), admin, { disabled: false }, { dryRun, yes: true }),
    ) as unknown as Souk
}

export function passwordCommand(souk: Souk): Souk {
  return souk.command(
    'password',
    'Set your password: with the token of an invitation, or over the present one',
    (command) => command.option('token', { type: 'string', describe: 'What `souk admins invite` or `reset` has printed' }),
    async ({ token, ...given }) => {
      const { platform, terminal } = contextOf(given as never)
      const password = readNewPassword() ?? (await terminal.askNewPassword())
      await (token === undefined ? platform.changePassword(password) : platform.setPassword(token, password))
      terminal.show({ password_set: true }, () => 'The password is set. `souk login` signs in with it.')
    },
  ) as Souk
}

async function list({ platform, terminal }: Context): Promise<void> {
  const { data } = await platform.get<{ data: Admin[] }>('/v1/admins')
  terminal.show(data, () =>
    table(
      ['E-MAIL', 'ROLE', '', 'ID'],
      data.map((admin) => [admin.email, admin.role, standing(admin), admin.id]),
    ),
  )
}

async function showSelf({ platform, terminal }: Context): Promise<void> {
  const self = await platform.get<Admin & { scopes: string[] }>('/v1/me')
  terminal.show(self, () => `${self.email}, ${self.role}: ${self.scopes.join(', ')}`)
}

async function invite({ platform, terminal }: Context, wish: { email: string; role: string; dryRun: boolean }): Promise<void> {
  const { email, role, dryRun } = wish
  const invited = await platform.post<Admin & { invitation: AdminToken }>('/v1/admins', { email, role, dry_run: dryRun })
  const how = dryRun ? `${invited.email} could be invited as ${role}. Nothing was done.` : howToSet(invited.email, invited.invitation)
  terminal.show(invited, () => how)
}

async function change(context: Context, name: string, changes: Changes, { dryRun, yes }: { dryRun: boolean; yes: boolean }): Promise<void> {
  const { platform, terminal } = context
  const { id, email } = await findAdmin(context, name)
  const planned = await platform.patch<Admin>(`/v1/admins/${id}`, { ...changes, dry_run: true })
  if (dryRun) return terminal.show(planned, () => `${describe(planned)} That is what would happen; nothing was done.`)
  if (changes.disabled) await terminal.confirm(`${email} can no longer sign in, and their tokens are void.`, yes)
  const changed = await platform.patch<Admin>(`/v1/admins/${id}`, { ...changes, dry_run: false })
  terminal.show(changed, () => describe(changed))
}

async function reset(context: Context, wish: { admin: string; dryRun: boolean; yes: boolean }): Promise<void> {
  const { platform, terminal } = context
  const { id, email } = await findAdmin(context, wish.admin)
  const path = `/v1/admins/${id}/password-reset`
  const what = `The password and tokens of ${email} are void.`
  const planned = await platform.post<AdminToken>(path, { dry_run: true })
  if (wish.dryRun) return terminal.show(planned, () => `${what} That is what would happen; nothing was done.`)
  await terminal.confirm(what, wish.yes)
  const token = await platform.post<AdminToken>(path, { dry_run: false })
  terminal.show(token, () => howToSet(email, token))
}

async function findAdmin({ platform }: Context, name: string): Promise<Admin> {
  const { data } = await platform.get<{ data: Admin[] }>('/v1/admins')
  const found = data.find(({ id, email }) => id === name || email === name.toLowerCase())
  if (!found) throw new PlainError(`There is no admin "${name}". \`souk admins\` lists them.`)
  return found
}

function howToSet(email: string, { token, expires_at: until }: AdminToken): string {
  return `${email} sets a password, until ${until} and once, with\n  souk password --token ${token}`
}

function describe(admin: Admin): string {
  return `${admin.email} is ${admin.role}${admin.disabled_at === null ? '' : ', and turned away'}.`
}

function standing(admin: Admin): string {
  if (admin.disabled_at !== null) return 'turned away'
  return admin.has_password ? '' : 'has no password yet'
}
