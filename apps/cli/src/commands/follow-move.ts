import { setTimeout as pause } from 'node:timers/promises'
import { type Context, findMerchant } from '../context.ts'
import { PlainError } from '../plain-error.ts'
import type { Move } from '../resources.ts'
import { ago } from '../terminal.ts'

export const watch = { type: 'boolean', default: false, describe: 'Stay until it has happened, and show how far it is' } as const

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

export async function lastMove(context: Context, named: string): Promise<Move> {
  const merchant = await findMerchant(context, named)
  const [move] = await context.platform.list<Move>(`/v1/moves?merchant_id=${merchant.id}`, 1)
  if (!move) throw new PlainError(`${merchant.slug} was never moved. It lives in ${merchant.cell}.`)
  return move
}

/** Shows a move, or stays with it until it rests. A move that was given up ends the command with an error. */
export async function followMove({ platform, terminal }: Context, begun: Move, watching: boolean): Promise<void> {
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
