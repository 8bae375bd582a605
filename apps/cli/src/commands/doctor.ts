import { type Context, contextOf, type Souk } from '../context.ts'
import { PlainError } from '../plain-error.ts'
import type { Cell, Move, Worker } from '../resources.ts'
import { ago } from '../terminal.ts'

type Outcome = 'passed' | 'warning' | 'failed'
interface Examined {
  what: string
  outcome: Outcome
  detail: string
}

// Workers beat every two seconds and are taken for dead after ten.
const WORKER_SILENT_MS = 30_000
// To the second, and the answer was under way for a while.
const CLOCK_APART_MAX_MS = 10_000
const MOVE_STUCK_MS = 15 * 60_000
const MOVES_MAX = 200
// Until then a move can be given up by hand.
const BEFORE_SWITCH = ['requested', 'preflight', 'seeding', 'catching_up', 'verifying']
// A move rests in these as long as it pleases.
const RESTING = ['watching']

export function doctorCommand(souk: Souk): Souk {
  return souk.command('doctor', 'Look at everything, and say what is wrong', {}, async (given) =>
    examine(contextOf(given as never)),
  ) as Souk
}

async function examine({ platform, terminal }: Context): Promise<void> {
  const found: Examined[] = []
  const look = async (what: string, examination: () => Promise<Omit<Examined, 'what'>[]>): Promise<void> => {
    const outcomes = await examination().catch((error: Error) => [{ outcome: 'failed' as const, detail: error.message }])
    for (const outcome of outcomes) {
      found.push({ what, ...outcome })
      terminal.say(line({ what, ...outcome }))
    }
  }
  await look('API', async () => {
    await platform.get('/v1/cells')
    return [{ outcome: 'passed', detail: 'It answers, and knows you.' }, ...examineClock(platform.aheadMs)]
  })
  if (found[0]!.outcome === 'failed') throw new PlainError('Without an answer there is nothing more to look at.')
  const { data: cells } = await platform.get<{ data: Cell[] }>('/v1/cells')
  for (const cell of cells.filter(({ status }) => status !== 'retired')) {
    await look(`cell ${cell.name}`, async () => examineCell(await platform.post<Cell>(`/v1/cells/${cell.name}/checks`)))
  }
  await look('workers', async () => {
    const { data } = await platform.get<{ data: Worker[] }>('/v1/workers')
    return examineWorkers(cells, data, Date.now() + platform.aheadMs)
  })
  await look('moves', async () => {
    const unfinished = await platform.list<Move>('/v1/moves?unfinished=true', MOVES_MAX)
    return examineMoves(unfinished, Date.now() + platform.aheadMs)
  })
  await look('log of admins', async () => examineAudit(await platform.get('/v1/audit/verification')))
  const failed = found.filter(({ outcome }) => outcome === 'failed').length
  const warnings = found.filter(({ outcome }) => outcome === 'warning').length
  if (terminal.json) terminal.show(found, () => '')
  else terminal.say(failed + warnings === 0 ? 'All is well.' : `${failed} things are wrong, ${warnings} are worth a look.`)
  if (failed > 0) process.exitCode = 1
}

function examineCell(cell: Cell): Omit<Examined, 'what'>[] {
  const remarkable = (cell.findings ?? []).filter(({ outcome }) => outcome !== 'passed')
  if (remarkable.length > 0) return remarkable.map(({ check, outcome, detail }) => ({ outcome, detail: `${check}: ${detail}` }))
  return [{ outcome: 'passed', detail: `${cell.findings?.length ?? 0} checks passed, ${cell.merchant_count} merchants.` }]
}

function examineClock(aheadMs: number): Omit<Examined, 'what'>[] {
  if (Math.abs(aheadMs) <= CLOCK_APART_MAX_MS) return []
  const seconds = Math.round(Math.abs(aheadMs) / 1_000)
  return [
    { outcome: 'warning', detail: `Its clock is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} the one here: see to NTP on both.` },
  ]
}

function examineWorkers(cells: Cell[], workers: Worker[], now: number): Omit<Examined, 'what'>[] {
  return cells
    .filter(({ status }) => status !== 'retired')
    .map(({ name }) => {
      const heard = workers
        .filter(({ cell }) => cell === name)
        .map(({ beat_at: beatAt }) => beatAt)
        .sort()
        .at(-1)
      if (heard === undefined)
        return { outcome: 'failed', detail: `Nobody works on the queue of ${name}: start a worker, or see WORKER_CELLS.` }
      if (now - Date.parse(heard) < WORKER_SILENT_MS) return { outcome: 'passed', detail: `The queue of ${name} is worked on.` }
      return { outcome: 'failed', detail: `The workers of ${name} have been silent for ${ago(heard, now)}: see their log, or start one.` }
    })
}

function examineMoves(moves: Move[], now: number): Omit<Examined, 'what'>[] {
  const stuck = moves.filter(({ state, state_since: since }) => !RESTING.includes(state) && now - Date.parse(since) > MOVE_STUCK_MS)
  if (stuck.length === 0) return [{ outcome: 'passed', detail: `${moves.length} under way or watched, none stuck.` }]
  return stuck.map(({ merchant_slug: slug, state, state_since: since, failure }) => {
    const why = failure === null ? '' : `: ${failure}`
    const cure = BEFORE_SWITCH.includes(state)
      ? `\`souk move cancel ${slug}\` gives it up.`
      : `The log of the worker says why. If one of its cells is gone for good: \`souk move abandon ${slug} --cell <name>\`.`
    return { outcome: 'warning', detail: `${slug} has been ${state} for ${ago(since, now)}${why}. ${cure}` }
  })
}

function examineAudit(verification: Record<string, unknown>): Omit<Examined, 'what'>[] {
  return verification.intact === true
    ? [{ outcome: 'passed', detail: `Its ${String(verification.verified_entries)} entries are as they were written.` }]
    : [{ outcome: 'failed', detail: `An entry is not as it was written: ${JSON.stringify(verification)}` }]
}

function line({ what, outcome, detail }: Examined): string {
  const signs: Record<Outcome, string> = { passed: 'ok', warning: 'warn', failed: 'FAIL' }
  return `${signs[outcome].padEnd(4)}  ${what}: ${detail}`
}
