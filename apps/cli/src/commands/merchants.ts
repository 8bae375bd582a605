import { type Context, contextOf, dryRun, findMerchant, type Souk, yes } from '../context.ts'
import type { Merchant } from '../resources.ts'
import { table } from '../terminal.ts'

const LISTED_MAX = 1_000
const named = { type: 'string', demandOption: true, describe: 'Slug or id of the merchant' } as const

export function merchantsCommand(souk: Souk): Souk {
  return souk.command('merchants', 'Who is served, and where they live', (merchants) =>
    merchants
      .command(
        ['list', '$0'],
        'List them, the newest first',
        (command) => command.option('cell', { type: 'string', describe: 'Only those who live in this cell' }),
        async ({ cell, ...given }) => list(contextOf(given as never), cell),
      )
      .command(
        'show <merchant>',
        'One of them',
        (command) => command.positional('merchant', named),
        async ({ merchant, ...given }) => {
          const context = contextOf(given as never)
          const found = await findMerchant(context, merchant)
          context.terminal.show(found, () => listing([found]))
        },
      )
      .command(
        'suspend <merchant>',
        'Close a shop: it answers nobody until it is resumed',
        (command) => command.positional('merchant', named).option('dry-run', dryRun).option('yes', yes),
        async ({ merchant, dryRun, yes, ...given }) => setStatus(contextOf(given as never), { merchant, status: 'suspended', dryRun, yes }),
      )
      .command(
        'resume <merchant>',
        'Open a shop that was suspended',
        (command) => command.positional('merchant', named).option('dry-run', dryRun),
        async ({ merchant, dryRun, ...given }) => setStatus(contextOf(given as never), { merchant, status: 'active', dryRun, yes: true }),
      )
      .demandCommand(0),
  ) as Souk
}

async function list({ platform, terminal }: Context, cell: string | undefined): Promise<void> {
  const found = await platform.list<Merchant>(`/v1/merchants${cell === undefined ? '' : `?cell=${encodeURIComponent(cell)}`}`, LISTED_MAX)
  terminal.show(found, () => listing(found) + (found.length === LISTED_MAX ? `\nThere may be more than these ${LISTED_MAX}.` : ''))
}

async function setStatus(
  context: Context,
  wish: { merchant: string; status: 'active' | 'suspended'; dryRun: boolean; yes: boolean },
): Promise<void> {
  const { platform, terminal } = context
  const merchant = await findMerchant(context, wish.merchant)
  if (merchant.status === wish.status) return terminal.show(merchant, () => `${merchant.slug} is ${merchant.status} already.`)
  const what = wish.status === 'suspended' ? `${merchant.url} answers nobody from now on.` : `${merchant.url} serves again.`
  if (wish.dryRun) return terminal.show(merchant, () => `${what.replace(' from now on', '')} That is what would happen; nothing was done.`)
  if (wish.status === 'suspended') await terminal.confirm(what, wish.yes)
  const changed = await platform.patch<Merchant>(`/v1/merchants/${merchant.id}`, { status: wish.status })
  terminal.show(changed, () => `${changed.slug} is ${changed.status}.`)
}

function listing(merchants: Merchant[]): string {
  return table(
    ['SLUG', 'NAME', 'STATUS', 'CELL', 'ADDRESS', 'ID'],
    merchants.map((merchant) => [merchant.slug, merchant.name, merchant.status, merchant.cell, merchant.url, merchant.id]),
  )
}
