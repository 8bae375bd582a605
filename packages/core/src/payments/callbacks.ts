import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import { newId } from '../ids.ts'
import { enqueue } from '../jobs.ts'
import { Refusal } from '../refusal.ts'
import { openAccount, type SealedAccount, sealedAccountQuery } from './accounts.ts'
import type { PaymentDeps } from './call-provider.ts'
import { recordDispute } from './disputes.ts'
import type { DisputeNotice, ProviderNotice } from './provider.ts'
import type { By } from './saga.ts'
import { settleOperation } from './settle-operation.ts'
import { settlePayment } from './settle-payment.ts'

export interface GivenCallback {
  provider: string
  headers: Record<string, string>
  /** As it came: what was signed are its bytes. */
  rawBody: string
}

/**
 * Keeps what a provider tells us: verified, and once, however often it comes. What it means is found out by a job, so that the
 * provider gets its answer at once. Refuses `not_found` for a provider the merchant has no account with, and `callback_invalid`
 * for a callback that does not verify: nothing is kept then.
 */
export async function receiveCallback(inMerchant: InMerchant, deps: PaymentDeps, given: GivenCallback, now: Date): Promise<void> {
  const provider = deps.providers.get(given.provider)
  const [account] = (await inMerchant.read((tx) => sealedAccountQuery(tx, given.provider))) as unknown as SealedAccount[]
  if (!provider || !account) throw new Refusal('not_found', { detail: 'There is no such account.' })
  const open = openAccount(deps.secretBox, inMerchant.merchant.id, account)
  const notice = provider.readCallback(open, { headers: given.headers, rawBody: given.rawBody }, now)
  if (!notice) throw new Refusal('callback_invalid', { detail: 'The signature does not verify.' })
  await inMerchant(async (tx) => {
    await keep(tx, given.provider, notice, now)
    crashPoint('callback.storing')
  })
  crashPoint('callback.stored')
}

async function keep(tx: Tx, provider: string, notice: ProviderNotice, now: Date): Promise<void> {
  const { eventId, kind, paymentId, reference, dispute } = notice
  const [kept] = await tx.sql<{ id: string }[]>`
    insert into payment_callback (merchant_id, id, provider, provider_event_id, kind, payment_id, reference, dispute, received_at)
    values (${tx.merchantId}, ${newId(now)}, ${provider}, ${eventId}, ${kind}, ${isUuid(paymentId) ? paymentId : null}::uuid, ${reference},
      ${dispute ? JSON.stringify({ ...dispute, amount: String(dispute.amount) }) : null}::jsonb, ${now})
    on conflict (merchant_id, provider, provider_event_id) do nothing returning id`
  if (kept) await enqueue(tx, 'process_payment_callback', { callbackId: kept.id }, { key: kept.id })
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

function isUuid(text: string | null): text is string {
  return text !== null && UUID.test(text)
}

interface StoredCallback {
  kind: ProviderNotice['kind']
  provider: string
  dispute: (Omit<DisputeNotice, 'amount' | 'dueBy'> & { amount: string; dueBy: string | null }) | null
  processedAt: Date | null
  paymentId: string | null
}

/**
 * Acts on a callback that was kept. It is a wake-up: what is true of a payment is asked of the provider, so that callbacks may come
 * late, twice, or in any order. A dispute is what the callback says. One of a payment that is not ours changes nothing.
 */
export async function processCallback(
  inMerchant: InMerchant,
  deps: PaymentDeps,
  { callbackId }: { callbackId: string },
  by: By,
): Promise<void> {
  const { callback, operations } = await inMerchant.read((tx) => read(tx, callbackId))
  if (callback.processedAt !== null) return
  crashPoint('callback.processing')
  if (callback.paymentId !== null && callback.dispute === null) {
    for (const operationId of operations) await settleOperation(inMerchant, deps, { operationId }, by)
    await settlePayment(inMerchant, deps, { paymentId: callback.paymentId }, by)
  }
  await inMerchant(async (tx) => {
    const { paymentId, dispute } = callback
    if (paymentId !== null && dispute !== null) await recordDispute(tx, paymentId, readDispute(dispute), by)
    await tx.sql`
      update payment_callback set processed_at = ${by.now}
      where merchant_id = ${tx.merchantId} and id = ${callbackId} and processed_at is null`
  })
  crashPoint('callback.processed')
}

/** The payment by our id of it, or by the provider's name; and what of it is not settled. */
async function read(tx: Tx, callbackId: string): Promise<{ callback: StoredCallback; operations: string[] }> {
  const [callback] = await tx.sql<StoredCallback[]>`
    select c.kind, c.provider, c.dispute, c.processed_at as "processedAt", p.id as "paymentId"
    from payment_callback c left join lateral (
      select p.id from payment p
      where p.merchant_id = ${tx.merchantId} and p.provider = c.provider and (p.id = c.payment_id or p.provider_reference = c.reference)
      order by p.id = c.payment_id desc nulls last limit 1
    ) p on true
    where c.merchant_id = ${tx.merchantId} and c.id = ${callbackId}`
  if (!callback) throw new Refusal('not_found', { detail: 'There is no such callback.' })
  const operations = await tx.sql<{ id: string }[]>`
    select id from payment_operation
    where merchant_id = ${tx.merchantId} and payment_id = ${callback.paymentId}::uuid and status = 'pending' and kind <> 'authorize' order by id`
  return { callback, operations: operations.map(({ id }) => id) }
}

function readDispute(dispute: NonNullable<StoredCallback['dispute']>): DisputeNotice {
  return { ...dispute, amount: BigInt(dispute.amount), dueBy: dispute.dueBy === null ? null : new Date(dispute.dueBy) }
}

const KEPT_DAYS = 60

/** Forgets callbacks that were acted on long ago: longer than any provider repeats them. */
export async function clearCallbacks(inMerchant: InMerchant): Promise<void> {
  await inMerchant(
    (tx) => tx.sql`
      delete from payment_callback
      where merchant_id = ${tx.merchantId} and processed_at < now() - make_interval(days => ${KEPT_DAYS}::int)`,
  )
}
