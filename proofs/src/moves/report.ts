import { ms, percentile } from './figures.ts'
import type { LoopReport } from './run-move-loop.ts'

const PARTS = {
  drain_ms: 'until the last writer was out',
  marker_ms: 'until its last change had arrived',
  flip_ms: 'until the new home was open',
}

/** What came of it, as a table in Markdown, beside what the prototype measured and what others promise. */
export function reportOf(report: LoopReport): string {
  const { switches, neighbours, reads, confirmed, wrong, struck, aborted, askedAgain, writes } = report
  const pauses = switches.flatMap(({ figures }) => figures.write_pause_ms ?? [])
  const gaps = switches.map(({ gapMs }) => gapMs)
  const worst = switches.map(({ worstRequestMs }) => worstRequestMs)
  const spread = (values: readonly number[]) =>
    `${ms(percentile(values, 50))} / ${ms(percentile(values, 99))} / ${ms(percentile(values, 100))} ms`
  const p95 = (requests: readonly { tookMs: number }[]) =>
    ms(
      percentile(
        requests.map(({ tookMs }) => tookMs),
        95,
      ),
    )
  const backs = switches.filter(({ direction }) => direction === 'back').length
  const seedRates = switches.flatMap(({ direction, figures: { seeded_rows: rows, seed_ms: took } }) =>
    direction === 'forward' && rows !== undefined && took ? [(rows / took) * 1_000] : [],
  )
  const killed = Object.entries(struck).map(([what, times]) => `${what} ${times}`)
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
    ['something wrong (lost, doubled, gaps, wrong home, books, left behind)', wrong.length === 0 ? 'nothing' : `${wrong.length} findings`],
    ['write pause, by the mover: p50 / p99 / max', spread(pauses)],
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
          ['no such write confirmed about a switch: p50 / p99 / max', spread(writes.gapsMs)],
          ['slowest such write about a switch: p50 / p99 / max', spread(writes.slowestMs)],
        ]
      : []),
    ['no order confirmed about a switch: p50 / p99 / max', spread(gaps)],
    ['slowest request about a switch: p50 / p99 / max', spread(worst)],
    [
      'answered otherwise first, then cured by asking again',
      askedAgain.map(({ status, times }) => `${status || 'connection broken'}: ${times}`).join(', ') || 'none',
    ],
    ['checkouts of the neighbours, p95: before / while one moves', `${p95(neighbours.calm)} / ${p95(neighbours.moving)} ms`],
    ['reads of the moved shop, p95: before / while it moves', `${p95(reads.calm)} / ${p95(reads.moving)} ms`],
    ['rows copied in a second, p50', seedRates.length === 0 ? '-' : Math.round(percentile(seedRates, 50)!).toLocaleString('en')],
  ]
  return [`| seed ${report.seed} | measured |`, '| --- | --- |', ...rows.map(([what, came]) => `| ${what} | ${came} |`)].join('\n')
}
