import type { InMerchant } from '@souk/tenant-router/router.ts'
import { z } from 'zod'

/**
 * What a job may hold its place for: long work (`slow`), or somebody outside who may be late with an answer (`outside`). The others are
 * done at once.
 */
export type TaskKind = 'quick' | 'slow' | 'outside'

/** What the worker does with jobs of one name: reads the payload strictly, and works in the merchant that enqueued it. */
export interface MerchantTask {
  payload: z.ZodType<{ merchantId: string } & Record<string, unknown>>
  run(inMerchant: InMerchant, job: Record<string, unknown>): Promise<unknown>
  /** Quick if it is not said. Of the others only so many are at work at a time. */
  kind?: TaskKind
}

/** The merchant every job carries, put there by queue.enqueue. */
export const stampedPayload = z.looseObject({ merchantId: z.uuid() })

/**
 * A task that opens the door of its job's merchant and calls core. It may run more than once for the same job: after a
 * crash, after a lost answer, or beside a worker that was taken for dead. So what it calls is idempotent.
 */
export function merchantTask<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
  run: (inMerchant: InMerchant, job: z.output<z.ZodObject<Shape>>) => Promise<unknown>,
): MerchantTask {
  return {
    payload: z.strictObject({ ...shape, merchantId: z.uuid() }) as unknown as MerchantTask['payload'],
    run: (inMerchant, job) => run(inMerchant, job as z.output<z.ZodObject<Shape>>),
  }
}

/** The same task, which may take many seconds. */
export function slow(task: MerchantTask): MerchantTask {
  return { ...task, kind: 'slow' }
}

/** The same task, which asks somebody outside and waits for the answer. */
export function outside(task: MerchantTask): MerchantTask {
  return { ...task, kind: 'outside' }
}
