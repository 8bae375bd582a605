import type { Tx } from '@souk/tenant-router/tx.ts'

/** Every task of the worker and what its job carries: ids, never data that can go stale. The door adds the merchant. */
export interface Jobs {
  run_import: { importId: string }
  perform_shipment: { shipmentId: string }
  track_shipment: { shipmentId: string }
  clear_plugin_calls: Record<string, never>
  generate_coupons: { batchId: string }
  run_dry_run: { dryRunId: string }
  check_invariants: Record<string, never>
  clear_abandoned_carts: Record<string, never>
  clear_idempotency_keys: Record<string, never>
  sweep_reservations: Record<string, never>
  fold_claims: Record<string, never>
  send_mail: { mailId: string }
  clear_mails: Record<string, never>
  clear_webhook_log: Record<string, never>
  clear_customer_traces: Record<string, never>
  settle_payment: { paymentId: string }
  settle_operation: { operationId: string }
  process_payment_callback: { callbackId: string }
  clear_payment_callbacks: Record<string, never>
  expire_order: { orderId: string }
  reconcile: { reconciliationId: string }
  request_reconciliations: Record<string, never>
  count_rows: Record<string, never>
}

export type TaskName = keyof Jobs

export interface EnqueueOptions {
  /** An equal job of this merchant and task that has not started is replaced. */
  key?: string
  runAt?: Date
  attemptsMax?: number
}

const ATTEMPTS_MAX = 10

/** Adds a job in the transaction that makes it true; a worker sees it after the commit. */
export async function enqueue<Name extends TaskName>(tx: Tx, task: Name, payload: Jobs[Name], options: EnqueueOptions = {}): Promise<void> {
  const { key = null, runAt = null, attemptsMax = ATTEMPTS_MAX } = options
  await tx.sql`select queue.enqueue(${task}, ${JSON.stringify(payload)}::jsonb, ${key}, ${runAt}::timestamptz, ${attemptsMax}::int)`
}

/** As enqueue, but leaves a job of that key alone, waiting or running. For wake-ups that are repeated until the work is done. */
export async function enqueueUnlessQueued<Name extends TaskName>(
  tx: Pick<Tx, 'sql'>,
  task: Name,
  payload: Jobs[Name],
  options: EnqueueOptions & { key: string },
): Promise<void> {
  const { key, runAt = null, attemptsMax = ATTEMPTS_MAX } = options
  await tx.sql`
    select queue.enqueue_unless_queued(${task}, ${JSON.stringify(payload)}::jsonb, ${key}, ${runAt}::timestamptz, ${attemptsMax}::int)`
}
