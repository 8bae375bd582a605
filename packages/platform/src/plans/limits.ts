import { z } from 'zod'

/** The plan of every merchant that was given no other. It can be changed, and not removed. */
export const STANDARD_PLAN = 'standard'

/** What requests are told apart by: how many run at once, and who gives way first when all is busy. */
export type WorkClass = 'checkout' | 'storefront' | 'staff'

const PER_SECOND_MAX = 100_000
const BURST_MAX = 1_000_000
const AT_ONCE_MAX = 1_000
const QUEUE_LENGTH_MAX = 10_000
// A request is answered after 15 s in any case.
const QUEUE_WAIT_MS_MAX = 15_000

const atOnce = z.int().min(1).max(AT_ONCE_MAX)

/** What a plan may say. What it does not name is not limited by it. */
export const planLimits = z.strictObject({
  /** Of all processes together: so many requests a second, and so many at once after a rest. */
  requests: z.strictObject({ per_second: z.number().min(0.01).max(PER_SECOND_MAX), burst: z.int().min(1).max(BURST_MAX) }).optional(),
  /** How many transactions a process of the API has open for a merchant. */
  concurrency: z.strictObject({ checkout: atOnce.optional(), storefront: atOnce.optional(), staff: atOnce.optional() }).optional(),
  /** Who finds all of them taken: how many may wait, and for how long. */
  queue: z.strictObject({ length: z.int().min(0).max(QUEUE_LENGTH_MAX), wait_ms: z.int().min(0).max(QUEUE_WAIT_MS_MAX) }).optional(),
})
export type PlanLimits = z.output<typeof planLimits>

export const PLAN_NAME = /^[a-z][a-z0-9-]{0,39}$/
