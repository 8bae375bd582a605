import type { Reconciliation } from '@souk/core/reconciliation/reconciliation.ts'
import { z } from 'zod'
import { moneySchema } from './money.ts'
import { givenTimeSchema } from './time.ts'

const DAYS_MAX = 31
const DAY_MS = 24 * 60 * 60 * 1_000

export const newReconciliationSchema = z
  .strictObject({
    provider: z.string().regex(/^[a-z][a-z0-9_]{0,30}$/),
    from: givenTimeSchema,
    until: givenTimeSchema.meta({ description: `Not inside any more; ${DAYS_MAX} days later at most.` }),
  })
  .refine(({ from, until }) => isPeriod(new Date(from), new Date(until)), { message: 'invalid_timestamp', path: ['until'] })

function isPeriod(from: Date, until: Date): boolean {
  const lengthMs = until.getTime() - from.getTime()
  return lengthMs > 0 && lengthMs <= DAYS_MAX * DAY_MS
}

const difference = z.strictObject({
  kind: z.enum(['missing_in_books', 'missing_at_provider', 'amount_differs', 'currency_differs', 'unknown_payment']),
  movement: z.enum(['capture', 'refund']),
  payment_id: z.string().nullable(),
  reference: z.string().nullable().meta({ description: 'The provider’s name of its movement.' }),
  ours: moneySchema.nullable(),
  theirs: moneySchema.nullable(),
  at: z.iso.datetime(),
})

export const reconciliationSchema = z.strictObject({
  id: z.uuid(),
  provider: z.string(),
  from: z.iso.datetime(),
  until: z.iso.datetime(),
  status: z.enum(['queued', 'done', 'failed']),
  failure: z.string().nullable(),
  lines_read: z.int().meta({ description: 'Movements in the provider’s statement, of the period and a day around it.' }),
  difference_count: z.int(),
  differences: z.array(difference).meta({ description: 'The first thousand.' }),
  requested_at: z.iso.datetime(),
  finished_at: z.iso.datetime().nullable(),
})

export function presentReconciliation(report: Reconciliation): z.input<typeof reconciliationSchema> {
  return {
    id: report.id,
    provider: report.provider,
    from: report.from.toISOString(),
    until: report.until.toISOString(),
    status: report.status,
    failure: report.failure,
    lines_read: Number(report.linesRead),
    difference_count: Number(report.differenceCount),
    differences: report.differences.map(({ paymentId, ...difference }) => ({ ...difference, payment_id: paymentId })),
    requested_at: report.requestedAt.toISOString(),
    finished_at: report.finishedAt?.toISOString() ?? null,
  }
}
