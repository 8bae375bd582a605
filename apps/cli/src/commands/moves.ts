import { assertCell, type Context, contextOf, dryRun, findMerchant, LISTED_MAX, type Souk, yes } from '../context.ts'
import type { Move } from '../resources.ts'
import { ago, table } from '../terminal.ts'
import { abandonCommand } from './abandon.ts'
import { followMove, lastMove, watch } from './follow-move.ts'

const named = { type: 'string', demandOption: true, describe: 'Slug or id of the merchant' } as const

/** What can become of a move that was asked for: of one form, but for what is said of them. */
const STEPS = {
  rollback: {
    describe: 'Take its last move back, without copying: possible while the old home is kept up to date',
    say: (move: Move) => `${move.merchant_slug} goes back from ${move.to_cell} to ${move.from_cell}.`,
    isAsked: false,
  },
  cancel: {
    describe: 'End its move before the switch; it stays where it is',
    say: (move: Move) => `The move of ${move.merchant_slug} to ${move.to_cell} is given up.`,
    isAsked: true,
  },
  finish: {
    describe: 'Give up the way back: the old home is removed now, not after a day',
    say: (move: Move) => `What ${move.merchant_slug} left in ${move.from_cell} is removed, and the move can no longer be taken back.`,
    isAsked: true,
  },
} as const
type Step = keyof typeof STEPS

export function moveCommand(souk: Souk): Souk {
  return souk.command('move', 'Move a merchant to another cell while it sells', (move) =>
    abandonCommand(addSteps(move as unknown as Souk))
      .command(
        ['start <merchant>', '$0'],
        'Move it. Its writers wait for a moment at the end, and nothing else is to be seen of it',
        (command) =>
          command
            .positional('merchant', named)
            .option('to', { type: 'string', demandOption: true, describe: 'Name of the cell' })
            .option('watch', watch)
            .option('dry-run', dryRun),
        async ({ merchant, to, watch, dryRun, ...given }) => start(contextOf(given as never), { merchant, to, watch, dryRun }),
      )
      .command(
        'show <merchant>',
        'Its last move',
        (command) => command.positional('merchant', named).option('watch', watch),
        async ({ merchant, watch, ...given }) => {
          const context = contextOf(given as never)
          const move = await lastMove(context, merchant)
          await followMove(context, move, watch)
        },
      ),
  ) as Souk
}

function addSteps(move: Souk): Souk {
  return Object.entries(STEPS).reduce(
    (built, [name, { describe }]) =>
      built.command(
        `${name} <merchant>`,
        describe,
        (command) => command.positional('merchant', named).option('watch', watch).option('dry-run', dryRun).option('yes', yes),
        async ({ merchant, watch, dryRun, yes, ...given }) =>
          take(contextOf(given as never), { merchant, step: name as Step, watch, dryRun, yes }),
      ) as Souk,
    move,
  )
}

export function movesCommand(souk: Souk): Souk {
  return souk.command(
    'moves',
    'Moves, the newest first',
    (command) =>
      command
        .option('cell', { type: 'string', describe: 'Only those from or to this cell' })
        .option('all', { type: 'boolean', default: false, describe: 'Also those that have ended' }),
    async ({ cell, all, ...given }) => {
      const context = contextOf(given as never)
      const { platform, terminal } = context
      await assertCell(context, cell)
      const query = [all ? '' : 'unfinished=true', cell === undefined ? '' : `cell=${encodeURIComponent(cell)}`].filter(Boolean).join('&')
      const moves = await platform.list<Move>(`/v1/moves${query && `?${query}`}`, LISTED_MAX)
      terminal.show(moves, () =>
        moves.length === 0
          ? 'No moves.'
          : table(
              ['MERCHANT', 'FROM', 'TO', 'STATE', 'SINCE', ''],
              moves.map((move) => [
                move.merchant_slug,
                move.from_cell,
                move.to_cell,
                move.state,
                `${ago(move.state_since)}`,
                move.failure ?? '',
              ]),
            ),
      )
    },
  ) as Souk
}

async function start(context: Context, wish: { merchant: string; to: string; watch: boolean; dryRun: boolean }): Promise<void> {
  const { platform, terminal } = context
  const merchant = await findMerchant(context, wish.merchant)
  const body = { merchant_id: merchant.id, to_cell: wish.to, dry_run: wish.dryRun }
  const move = await platform.post<Move>('/v1/moves', body)
  if (wish.dryRun) {
    const said = `${merchant.slug} would be copied from ${move.from_cell} to ${move.to_cell} while it sells, and switched once both are equal. Nothing was done.`
    return terminal.show(move, () => said)
  }
  await followMove(context, move, wish.watch)
}

async function take(
  context: Context,
  wish: { merchant: string; step: Step; watch: boolean; dryRun: boolean; yes: boolean },
): Promise<void> {
  const { platform, terminal } = context
  const move = await lastMove(context, wish.merchant)
  const path = `/v1/moves/${move.id}/${wish.step}`
  const step = STEPS[wish.step]
  const what = step.say(move)
  const planned = await platform.post<Move>(path, { dry_run: true })
  if (wish.dryRun) return terminal.show(planned, () => `${what} That is what would happen; nothing was done.`)
  if (step.isAsked) await terminal.confirm(what, wish.yes)
  await followMove(context, await platform.post<Move>(path, { dry_run: false }), wish.watch)
}
