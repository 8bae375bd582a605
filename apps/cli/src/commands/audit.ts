import { type Context, contextOf, LISTED_MAX, listOf, ofMerchant, type Souk } from '../context.ts'
import type { Admin } from '../resources.ts'
import { table } from '../terminal.ts'

interface Entry {
  sequence: number
  action: string
  admin_id: string | null
  merchant_id: string | null
  data: Record<string, unknown>
  occurred_at: string
}

/** What admins did. */
export function auditCommand(souk: Souk): Souk {
  return souk.command(
    'audit',
    `What admins did, the newest ${LISTED_MAX} first`,
    (command) => command.option('merchant', ofMerchant),
    async ({ merchant, ...given }) => list(contextOf(given as never), merchant),
  ) as Souk
}

async function list(context: Context, named: string | undefined): Promise<void> {
  const entries = await listOf<Entry>(context, '/v1/audit', named)
  const { data: admins } = await context.platform.get<{ data: Admin[] }>('/v1/admins')
  const emails = new Map(admins.map(({ id, email }) => [id, email]))
  context.terminal.show(entries, () =>
    entries.length === 0
      ? 'Nothing was done.'
      : table(
          ['NUMBER', 'WHEN', 'WHO', 'WHAT', ''],
          entries.map(({ sequence, occurred_at: at, admin_id: who, action, data }) => [
            String(sequence),
            at,
            who === null ? '-' : (emails.get(who) ?? who),
            action,
            Object.entries(data)
              .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
              .join(', '),
          ]),
        ),
  )
}
