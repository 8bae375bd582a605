import { ms, percentile } from './figures.ts'
import type { Beside, LoopReport } from './run-move-loop.ts'

const PARTS = {
  drain_ms: 'until the last writer was out',
  marker_ms: 'until its last change had arrived',
  flip_ms: 'until the new home was open',
}

const PAUSE = 'write pause, by the mover: p50 / p99 / max'
const WRONG = 'something wrong (lost, doubled, gaps, wrong home, books, left behind)'
const WORST = 'slowest request about a switch: p50 / p99 / max'
const ANSWERED = 'answered otherwise first, then cured by asking again'
const COPIED = 'rows copied in a second, p50'

/** The same of a prototype, which wrote single transactions into PostgreSQL without a platform around it, and what others say of themselves. */
const BESIDE: Record<string, [prototype: string, elsewhere: string]> = {
  [PAUSE]: [
    '12.4 ms p50, 56.7 ms max (20 switches)',
    'PgDog: below 1 s; Stripe: milliseconds to 2 s; Ghostferry: seconds to minutes; Vitess: gives up after 30 s',
  ],
  [WRONG]: ['0 of 11,277 orders', ''],
  [WORST]: ['71.6 ms p50, 144.7 ms max', ''],
  [ANSWERED]: ['', 'Vitess: buffers for 10 s where told to; PgDog: cancels what is in flight'],
  [COPIED]: ['90,000 to 130,000 (of 470,000)', ''],
}

/** What came of it, as a table in Markdown, beside what the prototype measured and what others promise. */
export function reportOf(report: LoopReport): string {
  const {
    switches,
    neighbours,
    neighboursByKind,
    neighboursWhileQuiet: quiet,
    reads,
    confirmed,
    wrong,
    strokes,
    aborted,
    askedAgain,
    writes,
  } = report
  const pauses = switches.flatMap(({ figures }) => figures.write_pause_ms ?? [])
  const gaps = switches.map(({ gapMs }) => gapMs)
  const worst = switches.map(({ worstRequestMs }) => worstRequestMs)
  const spread = (values: readonly number[]) =>
    `${ms(percentile(values, 50))} / ${ms(percentile(values, 99))} / ${ms(percentile(values, 100))} ms`
  const took = (requests: readonly { tookMs: number }[]) => requests.map(({ tookMs }) => tookMs)
  const sides = ({ calm, moving }: LoopReport['reads'], p: number) =>
    `${ms(percentile(took(calm), p))} / ${ms(percentile(took(moving), p))} ms`
  const backs = switches.filter(({ direction }) => direction === 'back').length
  const seedRates = switches.flatMap(({ direction, figures: { seeded_rows: rows, seed_ms: took } }) =>
    direction === 'forward' && rows !== undefined && took ? [(rows / took) * 1_000] : [],
  )
  const killed = [...Map.groupBy(strokes, ({ name }) => name)].map(([name, all]) => `${name} ${all.length}`)
  const rows = [
    [
      'switches of the home',
      `${switches.length}, of them ${backs} taken back without copying; ${aborted} given up and the merchant left where it was`,
    ],
    [
      'confirmed orders',
      `${confirmed.moved} at the moved shop (${report.ordersPerSecond.toFixed(0)}/s), ${confirmed.neighbours} at two neighbours`,
    ],
    ['killed meanwhile', killed.length === 0 ? 'nothing' : killed.join(', ')],
    [WRONG, wrong.length === 0 ? 'nothing' : `${wrong.length} findings`],
    [PAUSE, spread(pauses)],
    ...(['drain_ms', 'marker_ms', 'flip_ms'] as const).map((part) => [
      `of that, ${PARTS[part]}: p50 / p99 / max`,
      spread(switches.flatMap(({ figures }) => figures[part] ?? [])),
    ]),
    ...(writes
      ? [
          [
            'write transactions past HTTP',
            `${writes.perSecond.toFixed(0)}/s, ${writes.confirmed} orders; p95 ${ms(writes.calmP95Ms)} ms between switches`,
          ],
          ['refused because too many waited for a connection, and asked again; about a switch', `${writes.refused}; ${writes.refusedNear}`],
          ['from the last one confirmed at the old home to the first at the new: p50 / p99 / max', spread(writes.acrossMs)],
          ['no such write confirmed about a switch: p50 / p99 / max', spread(writes.gapsMs)],
          ['slowest such write about a switch: p50 / p99 / max', spread(writes.slowestMs)],
        ]
      : []),
    ['could not be written to about a switch, with what was killed: p50 / p99 / max', spread(switches.map(({ closedMs }) => closedMs))],
    ['no order confirmed about a switch, by one API process: p50 / p99 / max', spread(gaps)],
    [WORST, spread(worst)],
    [
      ANSWERED,
      askedAgain.map(({ status, problem, times }) => `${status || 'connection broken'} ${problem}: ${times}`).join(', ') || 'none',
    ],
    [
      'checkouts of the neighbours, p50 and p95: while nobody moves / while one moves',
      `${sides(neighbours, 50)}, ${sides(neighbours, 95)}`,
    ],
    ['of these, by invoice', `${sides(neighboursByKind.invoice, 50)}, ${sides(neighboursByKind.invoice, 95)}`],
    ['and by card', `${sides(neighboursByKind.card, 50)}, ${sides(neighboursByKind.card, 95)}`],
    [
      'and of all, where the host took at most 2 % of the processors meanwhile',
      `${sides(quiet, 50)}, ${sides(quiet, 95)} (${quiet.calm.length} of ${neighbours.calm.length} / ${quiet.moving.length} of ${neighbours.moving.length})`,
    ],
    ...byState(report),
    [
      'their p95 while one moves, times the one right before and after it: median of the moves, lowest, highest',
      timesCalm(neighbours.pairs, took),
    ],
    ['reads of the moved shop, p50 and p95: likewise', `${sides(reads, 50)}, ${sides(reads, 95)}`],
    [COPIED, seedRates.length === 0 ? '-' : Math.round(percentile(seedRates, 50)!).toLocaleString('en')],
  ]
  return [
    `| seed ${report.seed} | measured | the prototype | promised elsewhere |`,
    '| --- | --- | --- | --- |',
    ...rows.map(([what, came]) => `| ${[what, came, ...(BESIDE[what!] ?? ['', ''])].join(' | ')} |`),
  ].join('\n')
}

/** What of a move they feel: one in twenty is above the calm's p95 where they feel nothing. */
function byState({ neighbours, neighboursByState }: LoopReport): string[][] {
  const bound = percentile(
    neighbours.calm.map(({ tookMs }) => tookMs),
    95,
  )
  const met = neighboursByState.filter(({ requests }) => requests.length > 0)
  return met.map(({ state, ms: time, requests }) => {
    const took = requests.map(({ tookMs }) => tookMs)
    const above = took.filter((value) => bound !== undefined && value > bound).length
    return [
      `while a move was at ${state}, ${(time / 1_000).toFixed(1)} s in all`,
      `${took.length}, p50 and p95 ${ms(percentile(took, 50))}, ${ms(percentile(took, 95))} ms; ${((100 * above) / took.length).toFixed(1)} % above the calm's p95`,
    ]
  })
}

/** Each move with the calm before and after it: what else the machine had to do is about the same for both. */
function timesCalm(pairs: readonly Beside[], took: (requests: Beside['calm']) => number[]): string {
  const times = pairs.flatMap(({ calm, moving }) => {
    const [around, during] = [percentile(took(calm), 95), percentile(took(moving), 95)]
    return around === undefined || during === undefined ? [] : [during / around]
  })
  return times.length === 0 ? '-' : [50, 0, 100].map((percent) => `${percentile(times, percent)!.toFixed(2)}x`).join(', ')
}
