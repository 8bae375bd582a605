import { setTimeout as pause } from 'node:timers/promises'
import { assertCell, type Context, contextOf, dryRun, findMerchant, LISTED_MAX, type Souk, yes } from '../context.ts'
import { PlainError } from '../plain-error.ts'
import type { Move } from '../resources.ts'
import { ago, table } from '../terminal.ts'

const named = { type: 'string', demandOption: true, describe: 'Slug or id of the merchant' } as const
const watch = { type: 'boolean', default: false, describe: 'Stay until it has happened, and show how far it is' } as const

const FORWARD = ['requested', 'preflight', 'seeding', 'catching_up', 'verifying', 'fencing', 'switched', 'watching']
const BACK = ['rolling_back', 'fencing', 'switched', 'retiring', 'rolled_back']
const SAYS: Record<string, string> = {
  requested: 'waiting for a mover',
  preflight: 'looking whether it can work',
  seeding: 'copying',
  catching_up: 'following what is written meanwhile',
  verifying: 'comparing both sides',
  fencing: 'writers wait',
  unfencing: 'writers go on, another attempt follows',
  switched: 'the merchant lives in the new cell',
  watching: 'moved; the old home is kept up to date',
  retiring: 'removing what is not needed any more',
  done: 'moved, and the old home is gone',
  aborting: 'removing what was made for it',
  aborted: 'given up; the merchant stays where it was',
  rolling_back: 'going back',
  rolled_back: 'taken back; the merchant lives where it did',
}
const POLL_MS = 250

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
    addSteps(move as unknown as Souk)
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
          await follow(context, move, watch)
        },
      )
      .command(
        'abandon <merchant>',
        'Say that a cell of its last move is gone for good: the move ends without it. Never the cell it lives in',
        (command) =>
          command
            .positional('merchant', named)
            .option('cell', { type: 'string', demandOption: true, describe: 'Name of the cell' })
            .option('watch', watch)
            .option('dry-run', dryRun)
            .option('yes', yes),
        async ({ merchant, cell, watch, dryRun, yes, ...given }) =>
          abandon(contextOf(given as never), { merchant, cell, watch, dryRun, yes }),
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
  await follow(context, move, wish.watch)
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
  await follow(context, await platform.post<Move>(path, { dry_run: false }), wish.watch)
}

async function abandon(
  context: Context,
  wish: { merchant: string; cell: string; watch: boolean; dryRun: boolean; yes: boolean },
): Promise<void> {
  const { platform, terminal } = context
  const move = await lastMove(context, wish.merchant)
  const path = `/v1/moves/${move.id}/abandon`
  const planned = await platform.post<Move>(path, { cell: wish.cell, dry_run: true })
  const left = planned.left_behind.map(({ kind, name }) => (kind === 'rows' ? `the rows of ${move.merchant_slug}` : `${kind} ${name}`))
  const what = [
    `The move of ${move.merchant_slug} ends without ${wish.cell}, which is not asked anything any more.`,
    left.length === 0 ? 'Nothing of it is there.' : `Left there, should that database come back: ${left.join(', ')}.`,
  ].join('\n')
  if (wish.dryRun) return terminal.show(planned, () => `${what}\nThat is what would happen; nothing was done.`)
  await terminal.confirm(what, wish.yes)
  await follow(context, await platform.post<Move>(path, { cell: wish.cell, dry_run: false }), wish.watch)
}

async function lastMove(context: Context, named: string): Promise<Move> {
  const merchant = await findMerchant(context, named)
  const [move] = await context.platform.list<Move>(`/v1/moves?merchant_id=${merchant.id}`, 1)
  if (!move) throw new PlainError(`${merchant.slug} was never moved. It lives in ${merchant.cell}.`)
  return move
}

/** Shows a move, or stays with it until it rests. A move that was given up ends the command with an error. */
async function follow({ platform, terminal }: Context, begun: Move, watching: boolean): Promise<void> {
  if (!watching) return terminal.show(begun, () => describe(begun))
  const goal = goalOf(begun)
  const steps = begun.direction === 'back' ? BACK : FORWARD
  const bar = terminal.bar(steps.length, sayOf(begun))
  let move = begun
  while (!goal.includes(move.state)) {
    bar.to(Math.max(0, steps.indexOf(move.state)), sayOf(move))
    await pause(POLL_MS)
    move = await platform.get<Move>(`/v1/moves/${begun.id}`)
  }
  const isGivenUp = move.state === 'aborted' && begun.state !== 'aborting'
  const isElsewhere = begun.direction === 'back' && move.state !== 'rolled_back'
  const failed = begun.lost_cell === null && (isGivenUp || isElsewhere)
  bar[failed ? 'fail' : 'end'](sayOf(move))
  terminal.show(move, () => describe(move))
  if (failed) process.exitCode = 1
}

/** Where a move rests: a rollback that failed is watched again. */
function goalOf({ state, lost_cell: lost }: Move): string[] {
  const ends = ['done', 'aborted', 'rolled_back']
  return state === 'retiring' || state === 'aborting' || lost !== null ? ends : ['watching', ...ends]
}

function sayOf(move: Move): string {
  const rows = move.figures.seeded_rows
  const copied = move.state === 'seeding' && typeof rows === 'number' ? ` (${rows} rows)` : ''
  const trouble = move.failure === null || ['watching', 'done'].includes(move.state) ? '' : `: ${move.failure}`
  return `${move.merchant_slug}: ${SAYS[move.state] ?? move.state}${copied}${trouble}`
}

function describe(move: Move): string {
  const lines = [`${sayOf(move)} (${move.from_cell} -> ${move.to_cell}, for ${ago(move.state_since)})`]
  const {
    seeded_rows: rows,
    seed_ms: seed,
    verify_ms: verify,
    write_pause_ms: pauseMs,
  } = move.figures as Record<string, number | undefined>
  if (rows !== undefined) lines.push(`  ${rows} rows copied${seed === undefined ? '' : ` in ${(seed / 1_000).toFixed(1)} s`}`)
  if (verify !== undefined) lines.push(`  compared in ${(verify / 1_000).toFixed(1)} s`)
  if (pauseMs !== undefined) lines.push(`  writers waited ${pauseMs.toFixed(1)} ms`)
  if (move.state === 'watching' && move.watch_until !== null) {
    lines.push(`  Until ${move.watch_until} \`souk move rollback ${move.merchant_slug}\` takes it back.`)
  }
  if (move.left_behind.length > 0) {
    lines.push(`  Left in ${move.lost_cell}. Should that database come back, remove it there as souk_mover:`)
    lines.push(...move.left_behind.map(({ removal }) => removal.replaceAll(/^/gm, '    ')))
  }
  return lines.join('\n')
}
