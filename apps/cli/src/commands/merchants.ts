import { assertCell, type Context, contextOf, dryRun, findMerchant, type Souk, yes } from '../context.ts'
import type { Merchant, MerchantWork } from '../resources.ts'
import { table } from '../terminal.ts'
import { makeSandbox } from './archives.ts'
import { follow, watch } from './works.ts'

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
      .command(
        'export <merchant>',
        'Make an archive of it as it is now; it sells on',
        (command) => command.positional('merchant', named).option('watch', watch),
        async ({ merchant, watch, ...given }) => {
          const context = contextOf(given as never)
          const { id } = await findMerchant(context, merchant)
          await follow(context, await context.platform.post<MerchantWork>(`/v1/merchants/${id}/exports`), watch)
        },
      )
      .command(
        'sandbox <merchant>',
        'Copy it as it is now into a sandbox: for trying things, reaching nobody outside',
        (command) =>
          command
            .positional('merchant', named)
            .option('slug', { type: 'string', demandOption: true, describe: 'The slug of the sandbox: its host name' })
            .option('cell', { type: 'string', describe: 'Where it lives; else the open shared cell with the fewest merchants' })
            .option('watch', watch)
            .option('dry-run', dryRun),
        async ({ merchant, slug, cell, watch, dryRun, ...given }) => {
          const context = contextOf(given as never)
          const { id } = await findMerchant(context, merchant)
          await makeSandbox(context, `/v1/merchants/${id}/sandboxes`, { slug, cell, watch, dryRun })
        },
      )
      .command(
        'erase <merchant>',
        'Close it for good and erase all of it, in every cell',
        (command) =>
          command
            .positional('merchant', named)
            .option('reason', { type: 'string', demandOption: true, describe: 'Why: it stands in the certificate' })
            .option('archives', {
              choices: ['erase', 'keep'] as const,
              demandOption: true,
              describe: 'What becomes of its archives, which hold all of it',
            })
            .option('watch', watch)
            .option('dry-run', dryRun)
            .option('yes', yes),
        async ({ merchant, reason, archives, watch, dryRun, yes, ...given }) =>
          erase(contextOf(given as never), { merchant, reason, archives, watch, dryRun, yes }),
      )
      .demandCommand(0),
  ) as Souk
}

async function list(context: Context, cell: string | undefined): Promise<void> {
  const { platform, terminal } = context
  await assertCell(context, cell)
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

async function erase(
  context: Context,
  wish: { merchant: string; reason: string; archives: 'erase' | 'keep'; watch: boolean; dryRun: boolean; yes: boolean },
): Promise<void> {
  const { platform, terminal } = context
  const merchant = await findMerchant(context, wish.merchant)
  const path = `/v1/merchants/${merchant.id}/erasure`
  const body = { slug: merchant.slug, reason: wish.reason, archives: wish.archives }
  const planned = await platform.post<MerchantWork>(path, { ...body, dry_run: true })
  const { rows } = await platform.get<{ rows: Record<string, number> }>(`/v1/merchants/${merchant.id}/contents`)
  const total = Object.values(rows).reduce((sum, count) => sum + count, 0)
  const what = `${merchant.slug} is closed for good and its ${total} rows are erased; its archives are ${wish.archives === 'erase' ? 'erased too' : 'kept'}.`
  if (wish.dryRun) return terminal.show({ ...planned, rows }, () => `${what} That is what would happen; nothing was done.`)
  await terminal.confirm(what, wish.yes)
  await follow(context, await platform.post<MerchantWork>(path, { ...body, dry_run: false }), wish.watch)
}

function listing(merchants: Merchant[]): string {
  return table(
    ['SLUG', 'NAME', 'STATUS', 'CELL', 'ADDRESS', 'ID'],
    merchants.map((merchant) => [merchant.slug, merchant.name, merchant.status, merchant.cell, merchant.url, merchant.id]),
  )
}
