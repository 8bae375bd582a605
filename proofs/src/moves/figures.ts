/** The value that so many percent of them do not exceed; undefined for none. */
export function percentile(values: readonly number[], percent: number): number | undefined {
  if (values.length === 0) return undefined
  const sorted = [...values].sort((one, another) => one - another)
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)]
}

export interface Span {
  from: number
  to: number
}

/** The longest time within a span in which nothing happened, the ends of it counted. */
export function longestGap(moments: readonly number[], { from, to }: Span): number {
  const inside = moments.filter((moment) => moment >= from && moment <= to).sort((one, another) => one - another)
  return [...inside, to].reduce((gap, moment, index) => Math.max(gap, moment - (inside[index - 1] ?? from)), 0)
}

/** The time between the last of them before that moment and the first after it; infinite if there is none on one side. */
export function gapAcross(moments: readonly number[], at: number): number {
  const [before, after] = moments.reduce(
    ([last, first], moment) => (moment <= at ? [Math.max(last, moment), first] : [last, Math.min(first, moment)]),
    [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  )
  return after - before
}

export const ms = (value: number | undefined): string => (value === undefined ? '-' : value < 10 ? value.toFixed(1) : value.toFixed(0))
