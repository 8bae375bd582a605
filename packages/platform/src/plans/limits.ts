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
const JOBS_PER_MINUTE_MAX = 1_000_000
const PLUGIN_CALLS_PER_DAY_MAX = 1_000_000_000
// A day has 86,400,000 ms; processes have several plugin hosts.
const PLUGIN_CPU_MS_PER_DAY_MAX = 1_000_000_000
const IMPORTS_AT_ONCE_MAX = 20
const ROWS_MAX = 1_000_000_000_000
const WEBHOOK_ENDPOINTS_MAX = 100
const DELIVERIES_PER_SECOND_MAX = 10_000

const atOnce = z.int().min(1).max(AT_ONCE_MAX)

/** What a plan may say. What it does not name is not limited by it. */
export const planLimits = z.strictObject({
  /** Of all processes together: so many requests a second, and so many at once after a rest. */
  requests: z.strictObject({ per_second: z.number().min(0.01).max(PER_SECOND_MAX), burst: z.int().min(1).max(BURST_MAX) }).optional(),
  /**
   * How many transactions a process of the API has open for a merchant, by class of work, and how many of its jobs a process of the
   * worker runs at once.
   */
  concurrency: z
    .strictObject({ checkout: atOnce.optional(), storefront: atOnce.optional(), staff: atOnce.optional(), jobs: atOnce.optional() })
    .optional(),
  /** Who finds all of them taken: how many may wait, and for how long. */
  queue: z.strictObject({ length: z.int().min(0).max(QUEUE_LENGTH_MAX), wait_ms: z.int().min(0).max(QUEUE_WAIT_MS_MAX) }).optional(),
  /** How many jobs a process of the worker begins in a minute. What is over that is done later. */
  jobs: z.strictObject({ per_minute: z.int().min(1).max(JOBS_PER_MINUTE_MAX) }).optional(),
  /** Of all processes together, in a day (UTC). Over it plugins are not asked, and each extension point's policy says what holds instead. */
  plugins: z
    .strictObject({
      calls_per_day: z.int().min(1).max(PLUGIN_CALLS_PER_DAY_MAX).optional(),
      cpu_ms_per_day: z.int().min(1).max(PLUGIN_CPU_MS_PER_DAY_MAX).optional(),
    })
    .optional(),
  /** How many imports may be under way, and how many of their rows may be taken in an hour. */
  imports: z
    .strictObject({
      at_once: z.int().min(1).max(IMPORTS_AT_ONCE_MAX).optional(),
      rows_per_hour: z.int().min(1).max(ROWS_MAX).optional(),
    })
    .optional(),
  /** How many endpoints there may be, and how many deliveries a process of the worker begins in a second. The others come later. */
  webhooks: z
    .strictObject({
      endpoints: z.int().min(1).max(WEBHOOK_ENDPOINTS_MAX).optional(),
      deliveries_per_second: z.number().min(0.01).max(DELIVERIES_PER_SECOND_MAX).optional(),
    })
    .optional(),
  /** How much may be stored. Over it staff add nothing more; what buyers order is never refused for it. */
  rows: z.strictObject({ stored: z.int().min(1).max(ROWS_MAX) }).optional(),
})
export type PlanLimits = z.output<typeof planLimits>

export const PLAN_NAME = /^[a-z][a-z0-9-]{0,39}$/
