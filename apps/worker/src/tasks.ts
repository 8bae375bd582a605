import { clearAbandonedCarts } from '@souk/core/cart/clear-abandoned-carts.ts'
import { clearCustomerTraces } from '@souk/core/customers/clear-traces.ts'
import { runDryRun } from '@souk/core/dry-runs/run-dry-run.ts'
import { performShipment, type ShipmentDeps, trackShipment } from '@souk/core/fulfillment/perform-shipment.ts'
import { clearIdempotencyKeys } from '@souk/core/idempotency/idempotency.ts'
import { runImport } from '@souk/core/imports/run-import.ts'
import type { TaskName } from '@souk/core/jobs.ts'
import { clearMails } from '@souk/core/mail/clear-mails.ts'
import { type MailDeps, sendMail } from '@souk/core/mail/send-mail.ts'
import { countRows } from '@souk/core/merchant/count-rows.ts'
import type { PaymentDeps } from '@souk/core/payments/call-provider.ts'
import { clearCallbacks, processCallback } from '@souk/core/payments/callbacks.ts'
import { expireOrder } from '@souk/core/payments/expire-order.ts'
import { settleOperation } from '@souk/core/payments/settle-operation.ts'
import { settlePayment } from '@souk/core/payments/settle-payment.ts'
import { clearPluginCalls } from '@souk/core/plugins/calls.ts'
import { generateCoupons } from '@souk/core/promotions/generate-coupons.ts'
import { reconcile, requestDailyReconciliations } from '@souk/core/reconciliation/reconcile.ts'
import type { ProviderStatements } from '@souk/core/reconciliation/statement.ts'
import { foldAllClaims, sweepReservations } from '@souk/core/stock/sweep.ts'
import { clearWebhookLog } from '@souk/core/webhooks/clear-log.ts'
import type { UsageMeter } from '@souk/platform/plans/usage-meter.ts'
import { z } from 'zod'
import { type MerchantTask, merchantTask, outside, slow } from './merchant-task.ts'
import type { SelfCheck } from './self-check.ts'

export interface TaskDeps extends ShipmentDeps {
  mail: MailDeps
  payments: PaymentDeps
  /** The providers' own books, to compare ours with. */
  statements: ProviderStatements
  selfCheck: SelfCheck
  /** Where it is told what merchants use. */
  usage: Pick<UsageMeter, 'count'>
}

/** All that this worker can do. Names and payloads are those of core's jobs.ts. */
export function workerTasks(deps: TaskDeps) {
  const booksDeps = { statements: deps.statements, secretBox: deps.payments.secretBox }
  return {
    run_import: slow(merchantTask({ importId: z.uuid() }, (inMerchant, job) => runImport(inMerchant, job))),
    run_dry_run: slow(merchantTask({ dryRunId: z.uuid() }, (inMerchant, job) => runDryRun(inMerchant, job))),
    generate_coupons: slow(merchantTask({ batchId: z.uuid() }, (inMerchant, job) => generateCoupons(inMerchant, job))),
    check_invariants: slow(merchantTask({}, (inMerchant) => deps.selfCheck(inMerchant))),
    clear_abandoned_carts: merchantTask({}, (inMerchant) => clearAbandonedCarts(inMerchant, new Date())),
    clear_idempotency_keys: merchantTask({}, (inMerchant) => clearIdempotencyKeys(inMerchant, new Date())),
    sweep_reservations: merchantTask({}, (inMerchant) => sweepReservations(inMerchant, new Date())),
    fold_claims: merchantTask({}, (inMerchant) => foldAllClaims(inMerchant)),
    clear_plugin_calls: merchantTask({}, (inMerchant) => clearPluginCalls(inMerchant, new Date())),
    clear_webhook_log: merchantTask({}, (inMerchant) => clearWebhookLog(inMerchant, new Date())),
    send_mail: outside(merchantTask({ mailId: z.uuid() }, (inMerchant, job) => sendMail(inMerchant, deps.mail, job))),
    clear_mails: merchantTask({}, (inMerchant) => clearMails(inMerchant, new Date())),
    clear_customer_traces: merchantTask({}, (inMerchant) => clearCustomerTraces(inMerchant, new Date())),
    settle_payment: outside(
      merchantTask({ paymentId: z.uuid() }, (inMerchant, job) => settlePayment(inMerchant, deps.payments, job, byJob('settle_payment'))),
    ),
    settle_operation: outside(
      merchantTask({ operationId: z.uuid() }, (inMerchant, job) =>
        settleOperation(inMerchant, deps.payments, job, byJob('settle_operation')),
      ),
    ),
    process_payment_callback: outside(
      merchantTask({ callbackId: z.uuid() }, (inMerchant, job) =>
        processCallback(inMerchant, deps.payments, job, byJob('process_payment_callback')),
      ),
    ),
    expire_order: outside(
      merchantTask({ orderId: z.uuid() }, (inMerchant, job) => expireOrder(inMerchant, deps.payments, job, byJob('expire_order'))),
    ),
    clear_payment_callbacks: merchantTask({}, (inMerchant) => clearCallbacks(inMerchant)),
    reconcile: slow(merchantTask({ reconciliationId: z.uuid() }, (inMerchant, job) => reconcile(inMerchant, booksDeps, job, new Date()))),
    request_reconciliations: merchantTask({}, (inMerchant) => requestDailyReconciliations(inMerchant, booksDeps, new Date())),
    count_rows: slow(
      merchantTask({}, async (inMerchant) => deps.usage.count(inMerchant.merchant.id, { rows_stored: await countRows(inMerchant) })),
    ),
    perform_shipment: outside(merchantTask({ shipmentId: z.uuid() }, (inMerchant, job) => performShipment(inMerchant, deps, job))),
    track_shipment: outside(merchantTask({ shipmentId: z.uuid() }, (inMerchant, job) => trackShipment(inMerchant, deps, job))),
  } satisfies Record<TaskName, MerchantTask>
}

function byJob(task: TaskName) {
  return { actor: { kind: 'job', task } as const, now: new Date() }
}
