import { assertCell, type Context, contextOf, dryRun, type Souk, yes } from '../context.ts'
import { PlainError } from '../plain-error.ts'
import type { Move } from '../resources.ts'
import { table } from '../terminal.ts'
import { followMove, lastMove, watch } from './follow-move.ts'

interface Wish {
  cell: string
  dryRun: boolean
  yes: boolean
}

interface Refused {
  move: Move
  reason: string
}

/** What becomes of moves that wait for a cell that is gone for good. */
export function abandonCommand(souk: Souk): Souk {
  return souk.command(
    'abandon [merchant]',
    'Say that a cell is gone for good: the last move of a merchant, or every move, ends without it. Never the cell it lives in',
    (command) =>
      command
        .positional('merchant', { type: 'string', describe: 'Slug or id of the merchant' })
        .option('all', { type: 'boolean', default: false, describe: 'All moves from or to that cell that have not ended' })
        .option('cell', { type: 'string', demandOption: true, describe: 'Name of the cell' })
        .option('watch', watch)
        .option('dry-run', dryRun)
        .option('yes', yes),
    async ({ merchant, all, cell, watch, dryRun, yes, ...given }) => {
      const context = contextOf(given as never)
      if (all && (merchant !== undefined || watch)) throw new PlainError('--all goes with neither a merchant nor --watch.', 'usage')
      if (all) return abandonAll(context, { cell, dryRun, yes })
      if (merchant === undefined) throw new PlainError('Name the merchant whose move is meant, or say --all.', 'usage')
      return abandonOne(context, { merchant, watch, cell, dryRun, yes })
    },
  ) as Souk
}

const ask = ({ platform }: Context, { id }: Move, cell: string, dry_run: boolean) =>
  platform.post<Move>(`/v1/moves/${id}/abandon`, { cell, dry_run })

function leftOf({ left_behind: left, merchant_slug: slug }: Move): string[] {
  return left.map(({ kind, name }) => (kind === 'rows' ? `the rows of ${slug}` : `${kind} ${name}`))
}

async function abandonOne(context: Context, wish: Wish & { merchant: string; watch: boolean }): Promise<void> {
  const { terminal } = context
  const move = await lastMove(context, wish.merchant)
  const planned = await ask(context, move, wish.cell, true)
  const left = leftOf({ ...planned, merchant_slug: move.merchant_slug })
  const what = [
    `The move of ${move.merchant_slug} ends without ${wish.cell}, which is not asked anything any more.`,
    left.length === 0 ? 'Nothing of it is there.' : `Left there, should that database come back: ${left.join(', ')}.`,
  ].join('\n')
  if (wish.dryRun) return terminal.show(planned, () => `${what}\nThat is what would happen; nothing was done.`)
  await terminal.confirm(what, wish.yes)
  await followMove(context, await ask(context, move, wish.cell, false), wish.watch)
}

async function abandonAll(context: Context, { cell, dryRun, yes }: Wish): Promise<void> {
  const { platform, terminal } = context
  await assertCell(context, cell)
  const path = `/v1/moves?unfinished=true&cell=${encodeURIComponent(cell)}`
  const moves = (await platform.list<Move>(path, Number.POSITIVE_INFINITY)).filter(({ lost_cell: lost }) => lost === null)
  if (moves.length === 0) return terminal.show({ abandoned: [], refused: [] }, () => `No move waits for ${cell}.`)
  const planned = await each(context, moves, cell, true)
  if (dryRun) return tell(context, planned, 'These would end without it; nothing was done.')
  if (planned.abandoned.length > 0) {
    const slugs = planned.abandoned.map(({ merchant_slug: slug }) => slug)
    await terminal.confirm(`${cell} is not asked anything any more for the moves of ${slugs.join(', ')}.`, yes)
  }
  const done = await each(context, planned.abandoned, cell, false)
  tell(context, { abandoned: done.abandoned, refused: [...planned.refused, ...done.refused] }, `They end without ${cell}.`)
}

/** One that is refused does not keep the others from ending. */
async function each(
  context: Context,
  moves: readonly Move[],
  cell: string,
  isDry: boolean,
): Promise<{ abandoned: Move[]; refused: Refused[] }> {
  const abandoned: Move[] = []
  const refused: Refused[] = []
  for (const move of moves) {
    try {
      abandoned.push({ ...move, ...(await ask(context, move, cell, isDry)) })
    } catch (error) {
      if (!(error instanceof PlainError)) throw error
      refused.push({ move, reason: error.message })
    }
  }
  return { abandoned, refused }
}

function tell({ terminal }: Context, { abandoned, refused }: { abandoned: Move[]; refused: Refused[] }, what: string): void {
  const rows = [
    ...abandoned.map((move) => [move.merchant_slug, move.from_cell, move.to_cell, move.state, leftOf(move).join(', ') || 'nothing']),
    ...refused.map(({ move, reason }) => [move.merchant_slug, move.from_cell, move.to_cell, move.state, reason]),
  ]
  terminal.show({ abandoned, refused }, () =>
    [
      table(['MERCHANT', 'FROM', 'TO', 'STATE', 'LEFT THERE, OR WHY NOT'], rows),
      ...(abandoned.length > 0
        ? [what, 'What is left, and how to remove it should that database come back: `souk move show <merchant>`.']
        : []),
    ].join('\n'),
  )
  if (refused.length > 0) process.exitCode = 1
}
