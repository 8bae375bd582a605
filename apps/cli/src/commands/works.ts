import { setTimeout as pause } from 'node:timers/promises'
import { type Context, contextOf, listOf, ofMerchant, type Souk } from '../context.ts'
import { PlainError } from '../plain-error.ts'
import type { Certificate, MerchantWork } from '../resources.ts'
import { ago, table } from '../terminal.ts'

export const watch = { type: 'boolean', default: false, describe: 'Stay until it is done, and show how far it is' } as const

const POLL_MS = 500
const BAR_STEPS = 100
const id = { type: 'string', demandOption: true, describe: 'Id of the work' } as const
const KINDS: Record<MerchantWork['kind'], string> = {
  export: 'is exported',
  restore: 'is restored',
  sandbox: 'is made as a sandbox',
  erasure: 'is erased',
}

/** What is done with merchants as a whole. It is asked for by other commands; these follow it. */
export function worksCommand(souk: Souk): Souk {
  return souk.command('works', 'Exports, sandboxes, restores and erasures: what is done and was done', (works) =>
    works
      .command(
        ['list', '$0'],
        'List them, the newest first',
        (command) => command.option('merchant', ofMerchant),
        async ({ merchant, ...given }) => list(contextOf(given as never), merchant),
      )
      .command(
        'show <work>',
        'How far one is',
        (command) => command.positional('work', id).option('watch', watch),
        async ({ work, watch, ...given }) => {
          const context = contextOf(given as never)
          await follow(context, await context.platform.get<MerchantWork>(`/v1/merchant-works/${encodeURIComponent(work)}`), watch)
        },
      )
      .command(
        'certificate <work>',
        'The certificate of an erasure: what was erased, and whether the certificate is what was written',
        (command) => command.positional('work', id),
        async ({ work, ...given }) => showCertificate(contextOf(given as never), work),
      )
      .demandCommand(0),
  ) as Souk
}

async function list(context: Context, named: string | undefined): Promise<void> {
  const works = await listOf<MerchantWork>(context, '/v1/merchant-works', named)
  context.terminal.show(works, () =>
    works.length === 0
      ? 'Nothing was asked for.'
      : table(
          ['WORK', 'KIND', 'MERCHANT', 'STATE', 'ROWS', 'ASKED FOR', ''],
          works.map((work) => [
            work.id,
            work.kind,
            work.merchant_id,
            work.state,
            String(work.rows_done),
            `${ago(work.requested_at)} ago`,
            work.failure ?? '',
          ]),
        ),
  )
}

/** Shows a work, or stays with it until it has ended. One that failed ends the command with an error. */
export async function follow(context: Context, begun: MerchantWork, watching: boolean): Promise<MerchantWork> {
  const { terminal } = context
  if (!watching) {
    terminal.show(begun, () => describe(begun))
    return begun
  }
  const work = await finished(context, begun)
  terminal.show(work, () => describe(work))
  if (work.state === 'failed') process.exitCode = 1
  return work
}

/** The work when it has ended, with a bar meanwhile. */
export async function finished({ platform, terminal }: Context, begun: MerchantWork): Promise<MerchantWork> {
  const bar = terminal.bar(BAR_STEPS, say(begun))
  let work = begun
  while (work.state === 'queued' || work.state === 'running') {
    await pause(POLL_MS)
    work = await platform.get<MerchantWork>(`/v1/merchant-works/${begun.id}`)
    const share = work.rows_total ? work.rows_done / work.rows_total : 0
    bar.to(Math.min(BAR_STEPS, Math.floor(share * BAR_STEPS)), say(work))
  }
  bar[work.state === 'failed' ? 'fail' : 'end'](say(work))
  return work
}

function say({ kind, state, rows_done: done, rows_total: total, merchant_id: merchant }: MerchantWork): string {
  const what = `${merchant} ${KINDS[kind]}`
  if (state === 'queued') return `${what}: waiting for a worker`
  if (state === 'running') return `${what}: ${done}${total === null ? '' : ` of ${total}`} rows`
  return `${what}: ${state}`
}

function describe(work: MerchantWork): string {
  const lines = [work.failure === null ? say(work) : `${say(work)}: ${work.failure}`]
  if (work.state === 'queued' || work.state === 'running') lines.push(`  \`souk works show ${work.id} --watch\` follows it.`)
  if (work.state === 'done' && work.archive_id !== null) lines.push(`  Its archive: ${work.archive_id}`)
  if (work.state === 'done' && work.kind === 'erasure') lines.push(`  \`souk works certificate ${work.id}\` shows what was erased.`)
  return lines.join('\n')
}

async function showCertificate({ platform, terminal }: Context, work: string): Promise<void> {
  const certificate = await platform.get<Certificate>(`/v1/erasures/${encodeURIComponent(work)}`)
  terminal.show(certificate, () => {
    const rows = Object.values(certificate.rows).reduce((sum, count) => sum + count, 0)
    const { erased, kept } = certificate.archives
    const { sandboxes } = certificate
    return [
      `${certificate.slug} was erased on ${certificate.erased_at}: ${certificate.reason}`,
      `  ${rows} rows, ${certificate.jobs} jobs, ${certificate.media_files} media, ${certificate.domains} domains, ${certificate.usage_days} days of usage figures, ${erased} archives; ${kept.length} archives are kept`,
      `  Nothing of it was left in ${certificate.cells_checked.join(', ')}.`,
      ...kept.map((id) => `  The archive ${id} has its data still.`),
      ...sandboxes.map((id) => `  The sandbox ${id} has its data still.`),
      `  Entry ${certificate.audit_sequence} of the audit log, digest ${certificate.digest}: ${certificate.intact ? 'intact' : 'NOT what was written'}`,
    ].join('\n')
  })
  if (!certificate.intact) throw new PlainError('The certificate or its entry in the audit log was changed.')
}
