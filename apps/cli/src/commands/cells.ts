import { type Context, contextOf, dryRun, type Souk, yes } from '../context.ts'
import type { Cell, Finding, Move } from '../resources.ts'
import { ago, table } from '../terminal.ts'

interface Drained {
  cell: Cell
  merchants: { merchant_slug: string; to_cell: string | null; move: Move | null; refusal: string | null }[]
}

const named = { type: 'string', demandOption: true, describe: 'Name of the cell' } as const

export function cellsCommand(souk: Souk): Souk {
  return souk.command('cells', 'The databases that merchants live in', (cells) =>
    cells
      .command(['list', '$0'], 'List them', {}, async (given) => list(contextOf(given as never)))
      .command(
        'show <cell>',
        'One of them, with what the last check has found',
        (command) => command.positional('cell', named),
        async ({ cell, ...given }) => show(contextOf(given as never), cell),
      )
      .command(
        'check <cell>',
        'Look at its database again',
        (command) => command.positional('cell', named),
        async ({ cell, ...given }) => check(contextOf(given as never), cell),
      )
      .command(
        'add <cell>',
        'Check a database and register it as a cell. Its address is in SOUK_CELLS_FILE of the API already',
        (command) =>
          command
            .positional('cell', named)
            .option('kind', {
              choices: ['shared', 'dedicated'] as const,
              default: 'shared' as const,
              describe: 'For many merchants, or for one',
            })
            .option('dry-run', dryRun),
        async ({ cell, kind, dryRun, ...given }) => add(contextOf(given as never), cell, kind, dryRun),
      )
      .command(
        'drain <cell>',
        'Let nobody new in, and ask for the moves of those who live there',
        (command) =>
          command
            .positional('cell', named)
            .option('to', { type: 'string', describe: 'Where they go; else to the open shared cells with the fewest merchants' })
            .option('dry-run', dryRun)
            .option('yes', yes),
        async ({ cell, to, dryRun, yes, ...given }) => drain(contextOf(given as never), { cell, to, dryRun, yes }),
      )
      .command(
        'open <cell>',
        'Let merchants in again',
        (command) => command.positional('cell', named).option('dry-run', dryRun),
        async ({ cell, dryRun, ...given }) => setStatus(contextOf(given as never), { cell, status: 'open', dryRun, yes: true }),
      )
      .command(
        'retire <cell>',
        'Take an empty cell out of service, for good',
        (command) => command.positional('cell', named).option('dry-run', dryRun).option('yes', yes),
        async ({ cell, dryRun, yes, ...given }) => setStatus(contextOf(given as never), { cell, status: 'retired', dryRun, yes }),
      )
      .demandCommand(0),
  ) as Souk
}

async function list({ platform, terminal }: Context): Promise<void> {
  const { data } = await platform.get<{ data: Cell[] }>('/v1/cells')
  terminal.show(data, () =>
    table(
      ['CELL', 'KIND', 'STATUS', 'MERCHANTS', 'MOVES', 'CHECKED', ''],
      data.map((cell) => [
        cell.name,
        cell.kind,
        cell.status,
        String(cell.merchant_count),
        String(cell.move_count),
        cell.checked_at === null ? 'never' : `${ago(cell.checked_at)} ago`,
        [cell.reachable ? '' : 'no address', worst(cell.findings ?? [])].filter(Boolean).join(', '),
      ]),
    ),
  )
}

async function show({ platform, terminal }: Context, name: string): Promise<void> {
  const cell = await platform.get<Cell>(`/v1/cells/${encodeURIComponent(name)}`)
  terminal.show(cell, () => describe(cell))
}

async function check({ platform, terminal }: Context, name: string): Promise<void> {
  const cell = await platform.post<Cell>(`/v1/cells/${encodeURIComponent(name)}/checks`)
  terminal.show(cell, () => describe(cell))
  if (cell.findings?.some(({ outcome }) => outcome === 'failed')) process.exitCode = 1
}

async function add({ platform, terminal }: Context, name: string, kind: Cell['kind'], dryRun: boolean): Promise<void> {
  const cell = await platform.post<Cell>('/v1/cells', { name, kind, dry_run: dryRun })
  const said = dryRun ? `The cell ${name} could be registered as ${kind}. Nothing was done.` : `The cell ${name} is registered and open.`
  terminal.show(cell, () => `${findings(cell.findings ?? [])}\n${said}`)
}

async function drain(context: Context, wish: { cell: string; to: string | undefined; dryRun: boolean; yes: boolean }): Promise<void> {
  const { platform, terminal } = context
  const path = `/v1/cells/${encodeURIComponent(wish.cell)}/drain`
  const body = wish.to === undefined ? {} : { to_cell: wish.to }
  const planned = await platform.post<Drained>(path, { ...body, dry_run: true })
  if (wish.dryRun) return terminal.show(planned, () => `${plan(planned)}\nNothing was done.`)
  terminal.say(plan(planned))
  await terminal.confirm(`The cell ${wish.cell} takes nobody new from now on, and these moves are asked for.`, wish.yes)
  const drained = await platform.post<Drained>(path, { ...body, dry_run: false })
  const asked = drained.merchants.filter(({ move }) => move !== null).length
  const refused = drained.merchants.filter(({ refusal }) => refusal !== null)
  const said = `${asked} moves are asked for. \`souk moves --cell ${wish.cell}\` shows how far they are.`
  terminal.show(drained, () => (refused.length === 0 ? said : `${plan({ ...drained, merchants: refused })}\n${said}`))
  if (refused.length > 0) process.exitCode = 1
}

async function setStatus(
  { platform, terminal }: Context,
  wish: { cell: string; status: Cell['status']; dryRun: boolean; yes: boolean },
): Promise<void> {
  const path = `/v1/cells/${encodeURIComponent(wish.cell)}`
  const planned = await platform.patch<Cell>(path, { status: wish.status, dry_run: true })
  if (wish.dryRun) return terminal.show(planned, () => `The cell ${wish.cell} would be ${wish.status}. Nothing was done.`)
  if (wish.status === 'retired') await terminal.confirm(`The cell ${wish.cell} is taken out of service, for good.`, wish.yes)
  const cell = await platform.patch<Cell>(path, { status: wish.status, dry_run: false })
  terminal.show(cell, () => `The cell ${wish.cell} is ${cell.status}.`)
}

function plan({ merchants }: Drained): string {
  if (merchants.length === 0) return 'Nobody has to move.'
  return table(
    ['MERCHANT', 'TO', ''],
    merchants.map(({ merchant_slug: slug, to_cell: to, refusal }) => [slug, to ?? '-', refusal ?? '']),
  )
}

function describe(cell: Cell): string {
  const lines = [`${cell.name}: ${cell.kind}, ${cell.status}, ${cell.merchant_count} merchants, ${cell.move_count} moves under way`]
  if (!cell.reachable) lines.push('The API has no address for it.')
  lines.push(cell.checked_at === null ? 'It was never checked.' : findings(cell.findings ?? []))
  return lines.join('\n')
}

export function findings(found: Finding[]): string {
  const signs = { passed: 'ok', warning: 'warn', failed: 'FAIL' }
  return found.map(({ check, outcome, detail }) => `  ${signs[outcome].padEnd(4)} ${check}: ${detail}`).join('\n')
}

function worst(found: Finding[]): string {
  const count = (wanted: Finding['outcome']) => found.filter(({ outcome }) => outcome === wanted).length
  if (count('failed') > 0) return `${count('failed')} checks failed`
  return count('warning') > 0 ? `${count('warning')} warnings` : ''
}
