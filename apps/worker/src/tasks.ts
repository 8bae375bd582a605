import { clearAbandonedCarts } from '@souk/core/cart/clear-abandoned-carts.ts'
import { clearIdempotencyKeys } from '@souk/core/idempotency/idempotency.ts'
import { runImport } from '@souk/core/imports/run-import.ts'
import type { TaskName } from '@souk/core/jobs.ts'
import { z } from 'zod'
import { type MerchantTask, merchantTask } from './merchant-task.ts'

/** All that this worker can do. Names and payloads are those of core's jobs.ts. */
export const tasks = {
  run_import: merchantTask({ importId: z.uuid() }, (inMerchant, job) => runImport(inMerchant, job)),
  clear_abandoned_carts: merchantTask({}, (inMerchant) => clearAbandonedCarts(inMerchant, new Date())),
  clear_idempotency_keys: merchantTask({}, (inMerchant) => clearIdempotencyKeys(inMerchant, new Date())),
} satisfies Record<TaskName, MerchantTask>
