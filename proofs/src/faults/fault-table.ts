import { CASE_KINDS } from './cases.ts'
import type { DeathReport } from './deeds/die-at.ts'
import type { CaseReport } from './run-case.ts'

export interface Results {
  cases: readonly CaseReport[]
  deaths: readonly DeathReport[]
  /** How many places to die the deeds come by. */
  places: number
  seeds: number
  ms: number
}

/** What was tried, how often, and how often something was wrong: as a table for docs/reliability.md. */
export function faultTable({ cases, deaths, places, seeds, ms }: Results): string {
  const rows = Object.entries(Object.groupBy(cases, ({ name }) => CASE_KINDS.get(name) ?? 'nothing')).map(([kind, ran]) => {
    const faults = new Set(ran!.map(({ name }) => name)).size
    return [`aimed at: ${kind}`, faults, ran!.length, ran!.filter(({ wrong }) => wrong.length > 0).length, span(ran!)]
  })
  const died = deaths.filter((death) => death.died)
  const points = new Set(died.map(({ place }) => place!.point)).size
  if (deaths.length > 0) {
    const wrong = deaths.filter((death) => death.wrong.length > 0).length
    rows.push([`killed at named points in deeds (${points} names, ${places} places)`, points, died.length, wrong, span(deaths)])
  }
  const head = ['what', 'faults', 'runs', 'wrong', 'a run took']
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  return [...lines, '', `${seeds} seeds, ${Math.round(ms / 60_000)} minutes.`].join('\n')
}

function span(ran: readonly { ms: number }[]): string {
  const seconds = ran.map(({ ms }) => Math.round(ms / 1_000)).sort((a, b) => a - b)
  return `${seconds[0]} to ${seconds.at(-1)} s, half below ${seconds[Math.floor(seconds.length / 2)]} s`
}
