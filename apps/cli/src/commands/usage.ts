import { type Context, contextOf, findMerchant, type Souk } from '../context.ts'
import type { Merchant } from '../resources.ts'
import { table } from '../terminal.ts'

interface UsageDay {
  merchant_id: string
  day: string
  requests: number
  refused: number
  database_ms: number
  jobs: number
  job_ms: number
  plugin_cpu_ms: number
  rows_stored: number | null
}

interface Advice {
  slug: string
  from_cell: string
  to_cell: string | null
  reason: string
  share_of_cell: number
}

const DAY = /^\d{4}-\d{2}-\d{2}$/
const DAYS_MAX = 1_000
const MERCHANTS_MAX = 1_000
const REASONS: Record<string, string> = {
  cell_draining: 'its cell is being drained',
  outgrown: 'it has outgrown a shared cell',
  uneven: 'another cell has more room',
}

export function usageCommand(souk: Souk): Souk {
  return souk.command('usage', 'What merchants used, and who should live elsewhere', (usage) =>
    usage
      .command(
        ['list', '$0'],
        'Requests, jobs and rows by merchant and day',
        (command) =>
          command
            .option('merchant', { type: 'string', describe: 'Only this one: slug or id' })
            .option('since', { type: 'string', describe: 'First day, as 2026-11-01; else thirty days ago' })
            .check(({ since }) => since === undefined || DAY.test(since) || `--since is a day, as 2026-11-01; "${since}" is none.`),
        async ({ merchant, since, ...given }) => list(contextOf(given as never), merchant, since),
      )
      .command('advice', 'Which merchants to move where, and why', {}, async (given) => advise(contextOf(given as never)))
      .demandCommand(0),
  ) as Souk
}

async function list(context: Context, named: string | undefined, since: string | undefined): Promise<void> {
  const { platform, terminal } = context
  const only = named === undefined ? undefined : await findMerchant(context, named)
  const query = new URLSearchParams({ ...(only && { merchant_id: only.id }), ...(since !== undefined && { since_day: since }) }).toString()
  const days = await platform.list<UsageDay>(`/v1/usage${query && `?${query}`}`, DAYS_MAX)
  const merchants = terminal.json ? [] : only ? [only] : await platform.list<Merchant>('/v1/merchants', MERCHANTS_MAX)
  const slugs = new Map(merchants.map(({ id, slug }) => [id, slug]))
  terminal.show(days, () => {
    if (days.length === 0) return 'Nothing was used.'
    return table(
      ['DAY', 'MERCHANT', 'REQUESTS', 'REFUSED', 'DATABASE s', 'JOBS', 'JOBS s', 'PLUGINS s', 'ROWS'],
      days.map((day) => [
        day.day,
        slugs.get(day.merchant_id) ?? day.merchant_id,
        String(day.requests),
        String(day.refused),
        (day.database_ms / 1_000).toFixed(1),
        String(day.jobs),
        (day.job_ms / 1_000).toFixed(1),
        (day.plugin_cpu_ms / 1_000).toFixed(1),
        day.rows_stored === null ? '' : String(day.rows_stored),
      ]),
    )
  })
}

async function advise({ platform, terminal }: Context): Promise<void> {
  const { data } = await platform.get<{ data: Advice[] }>('/v1/advice')
  terminal.show(data, () => {
    if (data.length === 0) return 'Everybody may stay where they are.'
    const line = ({ slug, from_cell: from, to_cell: to, reason, share_of_cell: share }: Advice) =>
      `${slug}: ${REASONS[reason] ?? reason}; ${Math.round(share * 100)} % of the work of ${from}.\n  ${
        to === null ? 'A cell of its own is needed first: souk cells add' : `souk move ${slug} --to ${to} --watch`
      }`
    return data.map(line).join('\n')
  })
}
