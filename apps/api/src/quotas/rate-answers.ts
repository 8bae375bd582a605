import type { RequestRate } from '@souk/platform/plans/request-buckets.ts'
import type { TokenAnswer } from '@souk/platform/plans/request-tokens.ts'
import { Problem } from '../errors.ts'

const MS_PER_S = 1_000

/** As the IETF draft of the RateLimit fields has them: the bucket's size and how long it takes to fill; what is left in it. */
export function rateHeaders({ per_second, burst }: RequestRate, { granted, left, waitMs }: TokenAnswer): Record<string, string> {
  const seconds = granted ? (burst - left) / per_second : waitMs / MS_PER_S
  return {
    'ratelimit-policy': `"requests";q=${burst};w=${Math.max(1, Math.ceil(burst / per_second))}`,
    ratelimit: `"requests";r=${Math.floor(left)};t=${Math.max(0, Math.ceil(seconds))}`,
  }
}

/** The answer to a request over the rate. */
export function overRate(rate: RequestRate, waitMs: number): Problem {
  return new Problem('quota_exceeded', {
    detail: `The merchant's plan allows ${rate.per_second} requests a second.`,
    headers: { ...rateHeaders(rate, { granted: false, left: 0, waitMs }), 'retry-after': String(Math.ceil(waitMs / MS_PER_S)) },
  })
}
