import { type Context, contextOf, dryRun, listOf, ofMerchant, type Souk, yes } from '../context.ts'
import { PlainError } from '../plain-error.ts'
import type { Archive, Merchant, MerchantWork } from '../resources.ts'
import { ago, table } from '../terminal.ts'
import { finished, follow, watch } from './works.ts'

const id = { type: 'string', demandOption: true, describe: 'Id of the archive' } as const
const slug = { type: 'string', demandOption: true, describe: 'The slug it gets: its host name' } as const
const cell = { type: 'string', describe: 'Where it lives; else the open shared cell with the fewest merchants' } as const
const MIB = 2 ** 20
const REPLACE_ATTEMPTS_MAX = 3

interface RestoreWish {
  archive: string
  slug: string
  cell: string | undefined
  open: boolean
  replace: boolean
  watch: boolean
  dryRun: boolean
  yes: boolean
}

/** Copies of merchants, each of one moment. */
export function archivesCommand(souk: Souk): Souk {
  return souk.command('archives', 'Copies of merchants: fetched, restored, made sandboxes of', (archives) =>
    archives
      .command(
        ['list', '$0'],
        'List them, the newest first',
        (command) => command.option('merchant', ofMerchant),
        async ({ merchant, ...given }) => list(contextOf(given as never), merchant),
      )
      .command(
        'fetch <archive>',
        'Write its file here, and hold it to its checksum',
        (command) =>
          command.positional('archive', id).option('to', { type: 'string', describe: 'Name of the file; else <slug>-<archive>.tar.gz' }),
        async ({ archive, to, ...given }) => fetchFile(contextOf(given as never), archive, to),
      )
      .command(
        'sandbox <archive>',
        'Make a sandbox of it: a merchant of that moment that reaches nobody outside',
        (command) =>
          command.positional('archive', id).option('slug', slug).option('cell', cell).option('watch', watch).option('dry-run', dryRun),
        async ({ archive, slug, cell, watch, dryRun, ...given }) =>
          makeSandbox(contextOf(given as never), `/v1/archives/${encodeURIComponent(archive)}/sandboxes`, { slug, cell, watch, dryRun }),
      )
      .command(
        'restore <archive>',
        'Have its merchant again as it was then, under its own id',
        (command) =>
          command
            .positional('archive', id)
            .option('slug', slug)
            .option('cell', cell)
            .option('open', { type: 'boolean', default: false, describe: 'Serve at once; else it is suspended, to be looked at first' })
            .option('replace', {
              type: 'boolean',
              default: false,
              describe: 'In place of the merchant as it is now: that one is exported, then erased',
            })
            .option('watch', watch)
            .option('dry-run', dryRun)
            .option('yes', yes),
        async ({ archive, slug, cell, open, replace, watch, dryRun, yes, ...given }) =>
          restore(contextOf(given as never), { archive, slug, cell, open, replace, watch, dryRun, yes }),
      )
      .command(
        'delete <archive>',
        'Throw it away',
        (command) => command.positional('archive', id).option('dry-run', dryRun).option('yes', yes),
        async ({ archive, dryRun, yes, ...given }) => remove(contextOf(given as never), archive, { dryRun, yes }),
      )
      .demandCommand(0),
  ) as Souk
}

async function list(context: Context, named: string | undefined): Promise<void> {
  const archives = await listOf<Archive>(context, '/v1/archives', named)
  context.terminal.show(archives, () =>
    archives.length === 0
      ? 'No archives.'
      : table(
          ['ARCHIVE', 'MERCHANT', 'OF', 'ROWS', 'MEDIA', 'MIB'],
          archives.map((archive) => [
            archive.id,
            archive.slug,
            archive.made_at,
            String(rowsOf(archive)),
            String(archive.media_files),
            (archive.bytes / MIB).toFixed(1),
          ]),
        ),
  )
}

async function fetchFile({ platform, terminal }: Context, named: string, to: string | undefined): Promise<void> {
  const archive = await platform.get<Archive>(`/v1/archives/${encodeURIComponent(named)}`)
  const file = to ?? `${archive.slug}-${archive.id}.tar.gz`
  const sha256 = await platform.fetch(`/v1/archives/${archive.id}/file`, file)
  if (sha256 !== archive.sha256) throw new PlainError(`${file} is not the file that was made: its SHA-256 is ${sha256}.`)
  terminal.show(
    { ...archive, file },
    () => `${file}: ${archive.slug} as it was on ${archive.made_at}, ${(archive.bytes / MIB).toFixed(1)} MiB.`,
  )
}

/** Asks for a sandbox, of a merchant as it is now or of an archive: whichever the path names. */
export async function makeSandbox(
  context: Context,
  path: string,
  wish: { slug: string; cell: string | undefined; watch: boolean; dryRun: boolean },
): Promise<void> {
  const { platform, terminal } = context
  const body = { slug: wish.slug, ...(wish.cell !== undefined && { cell: wish.cell }), dry_run: wish.dryRun }
  const work = await platform.post<MerchantWork>(path, body)
  if (wish.dryRun) return terminal.show(work, () => `A sandbox could be made under the slug ${wish.slug}. Nothing was done.`)
  await follow(context, work, wish.watch)
}

async function restore(context: Context, wish: RestoreWish): Promise<void> {
  const { platform, terminal } = context
  const archive = await platform.get<Archive>(`/v1/archives/${encodeURIComponent(wish.archive)}`)
  const what = `${archive.slug} becomes what it was ${ago(archive.made_at)} ago (${archive.made_at}): ${rowsOf(archive)} rows, ${archive.media_files} media.`
  if (wish.replace) return replace(context, wish, archive, what)
  const body = { slug: wish.slug, ...(wish.cell !== undefined && { cell: wish.cell }), open: wish.open, dry_run: wish.dryRun }
  const work = await platform.post<MerchantWork>(`/v1/archives/${archive.id}/restore`, body)
  if (wish.dryRun) return terminal.show(work, () => `${what} That is what would happen; nothing was done.`)
  await follow(context, work, wish.watch)
}

/**
 * First puts the merchant of today out of the way, into an archive of its own, so that this too can be taken back. All that can be
 * refused is asked for before anything is done.
 */
async function replace(context: Context, wish: RestoreWish, archive: Archive, what: string): Promise<void> {
  const { platform, terminal } = context
  const present = await platform.get<Merchant>(`/v1/merchants/${archive.merchant_id}`)
  const [erasure, restore] = [`/v1/merchants/${present.id}/erasure`, `/v1/archives/${archive.id}/restore`]
  const erased = { slug: present.slug, reason: `Replaced by its archive ${archive.id} of ${archive.made_at}`, archives: 'keep' }
  const restored = { slug: wish.slug, cell: wish.cell ?? present.cell, open: wish.open }
  await platform.post<MerchantWork>(erasure, { ...erased, dry_run: true })
  const planned = await platform.post<MerchantWork>(restore, { ...restored, dry_run: true, after_erasure: true })
  const all = `${present.slug} is exported as it is now and then erased; what was done since the archive is in that export alone. ${what}`
  if (wish.dryRun) return terminal.show(planned, () => `${all} That is what would happen; nothing was done.`)
  await terminal.confirm(all, wish.yes)
  // Closed first, and erased only if nobody was at work in it after the export: what they did would be in neither.
  await platform.patch<Merchant>(`/v1/merchants/${present.id}`, { status: 'suspended' })
  for (let attempt = 1; ; attempt += 1) {
    const { archive_id: kept } = await succeeded(context, await platform.post<MerchantWork>(`/v1/merchants/${present.id}/exports`))
    terminal.say(
      `As it was until now: archive ${kept}. Should its place stay empty, \`souk archives restore ${kept} --slug ${present.slug}\` fills it.`,
    )
    const work = await finished(context, await platform.post<MerchantWork>(erasure, { ...erased, kept_in: kept, dry_run: false }))
    if (work.state === 'done') break
    // Workers end what they were at in a shop that is closed. One that is let in again is suspended.
    const { status } = await platform.get<Merchant>(`/v1/merchants/${present.id}`)
    if (status !== 'suspended' || attempt === REPLACE_ATTEMPTS_MAX) throw failed(work)
    terminal.say(`${work.failure} Once more.`)
  }
  await follow(context, await platform.post<MerchantWork>(restore, { ...restored, dry_run: false }), wish.watch)
}

async function succeeded(context: Context, begun: MerchantWork): Promise<MerchantWork> {
  const work = await finished(context, begun)
  if (work.state === 'failed') throw failed(work)
  return work
}

function failed({ kind, failure }: MerchantWork): PlainError {
  return new PlainError(`The ${kind} failed: ${failure?.replace(/\.$/, '')}. Nothing was put in its place.`)
}

async function remove({ platform, terminal }: Context, named: string, { dryRun, yes }: { dryRun: boolean; yes: boolean }): Promise<void> {
  const archive = await platform.get<Archive>(`/v1/archives/${encodeURIComponent(named)}`)
  const what = `The archive of ${archive.slug} of ${archive.made_at} is thrown away, for good.`
  if (dryRun) return terminal.show(archive, () => `${what} That is what would happen; nothing was done.`)
  await terminal.confirm(what, yes)
  await platform.delete(`/v1/archives/${archive.id}`)
  terminal.show({ deleted: archive.id }, () => 'It is gone.')
}

function rowsOf({ rows }: Archive): number {
  return Object.values(rows).reduce((sum, count) => sum + count, 0)
}
