import type { MoveState } from '@souk/tenant-router/moves/move.ts'
import type { Span } from './figures.ts'
import type { Request, Shopper } from './shopper.ts'

/** Requests of one kind that were answered otherwise first, and why: the last part of the problem's type, empty where there is none. */
export interface AskedAgain {
  status: number
  problem: string
  times: number
}

/** When a move was seen at what. */
export type StateSpan = Span & { state: MoveState }

const isFailed = ({ status }: Request) => status === 0 || status >= 300

export function askedAgain(shoppers: readonly Shopper[]): AskedAgain[] {
  const failed = shoppers.flatMap(({ requests }) => requests).filter(isFailed)
  return [...Map.groupBy(failed, ({ status, problem }) => `${status} ${problem?.type}`).values()].map((requests) => ({
    status: requests[0]!.status,
    problem: requests[0]!.problem?.type ?? '',
    times: requests.length,
  }))
}

/** Each of them with what the move was at. */
export function whenAskedAgain(shoppers: readonly Shopper[], states: readonly StateSpan[]): string[] {
  return shoppers.flatMap(({ name, requests }) =>
    requests.filter(isFailed).map(({ what, sentAt, tookMs, status, problem }) => {
      const span = states.find(({ from, to }) => sentAt >= from && sentAt <= to)
      const when = span ? `${(sentAt - span.from).toFixed(0)} ms after a move was seen at ${span.state}` : 'while nobody moved'
      return `${name}: ${what} was answered ${status || 'by a broken connection'} ${problem ? `${problem.type} (${problem.detail})` : ''} after ${tookMs.toFixed(0)} ms, ${when}`
    }),
  )
}
