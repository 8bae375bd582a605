import { createHash } from 'node:crypto'
import { unfinishedDryRuns } from '@souk/core/dry-runs/run-dry-run.ts'
import { wakeFulfillments } from '@souk/core/fulfillment/follow-orders.ts'
import { wakeShipments } from '@souk/core/fulfillment/perform-shipment.ts'
import { unfinishedImports } from '@souk/core/imports/unfinished-imports.ts'
import { enqueueUnlessQueued, type TaskName } from '@souk/core/jobs.ts'
import { unsentMails } from '@souk/core/mail/send-mail.ts'
import { wakeMail } from '@souk/core/notifications/follow-events.ts'
import { wakePayments } from '@souk/core/payments/due-payments.ts'
import { unfinishedBatches } from '@souk/core/promotions/generate-coupons.ts'
import { wakeReconciliations } from '@souk/core/reconciliation/reconcile.ts'
import { wakeStock } from '@souk/core/stock/sweep.ts'
import { wakeWebhooks } from '@souk/core/webhooks/follow-webhooks.ts'
import type { InMerchant, Router } from '@souk/tenant-router/router.ts'
import { describeError } from './describe-error.ts'
import type { Log } from './log.ts'

const DAY_MS = 24 * 60 * 60 * 1_000
/** What every merchant has done once a day. */
export const DAILY_TASKS = [
  'check_invariants',
  'clear_abandoned_carts',
  'clear_idempotency_keys',
  'clear_customer_traces',
  'clear_mails',
  'clear_payment_callbacks',
  'clear_plugin_calls',
  'clear_webhook_log',
  'count_rows',
  'request_reconciliations',
] as const satisfies TaskName[]

/**
 * Sees to it that every merchant of the cell has the jobs it should have. A job is only a wake-up: queues can be lost, and
 * stay behind when a merchant moves, but what is due is read from the merchant's own tables. One merchant's trouble is
 * not the others'.
 */
export async function wakeDueWork(context: { cell: string; router: Router; log: Log; now: () => Date }): Promise<void> {
  await context.router.eachMerchant(context.cell, async (inMerchant) => {
    await wakeMerchant(inMerchant, context.now()).catch((error) =>
      context.log.warn(
        { cell: context.cell, merchantId: inMerchant.merchant.id, error: describeError(error) },
        'due work of a merchant not looked at',
      ),
    )
  })
}

/** Repeating it changes nothing while the jobs are queued. */
export async function wakeMerchant(inMerchant: InMerchant, now: Date): Promise<void> {
  await inMerchant(async (tx) => {
    const daily = DAILY_TASKS.map((task) => {
      const runAt = nextDailySlot(tx.merchantId, task, now)
      return enqueueUnlessQueued(tx, task, {}, { key: 'daily', runAt })
    })
    const [imports, batches, runs] = await Promise.all([unfinishedImports(tx), unfinishedBatches(tx), unfinishedDryRuns(tx), ...daily])
    await wakeStock(tx)
    await wakeReconciliations(tx)
    await wakeMail(tx)
    await wakeFulfillments(tx)
    await wakeWebhooks(tx)
    for (const mailId of await unsentMails(tx)) await enqueueUnlessQueued(tx, 'send_mail', { mailId }, { key: mailId })
    for (const importId of imports) await enqueueUnlessQueued(tx, 'run_import', { importId }, { key: importId })
    for (const dryRunId of runs) await enqueueUnlessQueued(tx, 'run_dry_run', { dryRunId }, { key: dryRunId })
    for (const batchId of batches) await enqueueUnlessQueued(tx, 'generate_coupons', { batchId }, { key: batchId })
  })
  await wakePayments(inMerchant)
  await wakeShipments(inMerchant, now)
}

/**
 * The next time of a merchant's daily task: the same time of the day every day, spread over the day by the merchant's
 * id. The job waits for it in the queue under one key. When it has run, the next moment is a day away, so neither a
 * restart nor a second worker makes it run twice a day.
 */
export function nextDailySlot(merchantId: string, task: string, now: Date): Date {
  const offsetMs = createHash('sha256').update(`${merchantId}:${task}`).digest().readUInt32BE(0) % DAY_MS
  const today = Math.floor(now.getTime() / DAY_MS) * DAY_MS + offsetMs
  return new Date(today > now.getTime() ? today : today + DAY_MS)
}
