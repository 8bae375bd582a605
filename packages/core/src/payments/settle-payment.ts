import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import { type SealedAccount, sealedAccountQuery } from './accounts.ts'
import { applyAuthorization } from './apply-authorization.ts'
import { callProvider, type PaymentDeps } from './call-provider.ts'
import { INSIDE_PROVIDERS, noPayment, type OperationRow, operationColumns, type PaymentRow, paymentColumns } from './payment.ts'
import type { Authorization, Outcome } from './provider.ts'
import { authorizationOf } from './request-authorization.ts'
import type { By } from './saga.ts'

/** What a provider is to be asked about a payment, read or written in a transaction that is over. */
export interface Question {
  orderId: string
  ask: Authorization
  account: SealedAccount
  reference: string | null
  /** Nobody has asked before: there is nothing to be found. */
  isFirst: boolean
  /** Whether it may still be asked for the money, or only what has become of it. */
  isOpen: boolean
}

export interface Settlement {
  paymentId: string
  /** For whoever has just written the attempt down. */
  question?: Question
  /** Work that belongs into the transaction in which the outcome is written, after it. */
  within?: (tx: Tx) => Promise<void>
}

/**
 * Finds out what became of a payment and writes it down: the same for the request that began it, a callback, and a job. The
 * provider is asked between two transactions: for the money the first time, afterwards what became of it, and for the money again
 * only when it has never heard of it. May run any number of times, also at once: whoever comes second finds it settled.
 */
export async function settlePayment(inMerchant: InMerchant, deps: PaymentDeps, settlement: Settlement, by: By): Promise<PaymentRow> {
  const { paymentId, within } = settlement
  const question = settlement.question ?? (await begin(inMerchant, paymentId))
  const outcome = question && (await ask(inMerchant, deps, question))
  const settled = await inMerchant(async (tx) => {
    const payment = await applyAuthorization(tx, { paymentId, orderId: question?.orderId, outcome }, by)
    await within?.(tx)
    crashPoint('payment.settling')
    return payment
  })
  crashPoint('payment.settled')
  return settled
}

// After so long others ask what became of a call that was begun.
const LOOK_AGAIN_SECONDS = 45

/** Notes that a call begins, and reads what it needs. Nothing to ask: undefined. Refuses `not_found`. */
async function begin(inMerchant: InMerchant, paymentId: string): Promise<Question | undefined> {
  const question = await inMerchant(async (tx) => {
    const [[payment], [operation]] = (await Promise.all([
      tx.sql`
        select ${paymentColumns(tx)}, coalesce(p.expires_at > now(), false) as "inTime" from payment p
        where p.merchant_id = ${tx.merchantId} and p.id = ${paymentId}`,
      tx.sql`
        update payment_operation o set attempts = attempts + 1, due_at = now() + make_interval(secs => ${LOOK_AGAIN_SECONDS}::int)
        where o.merchant_id = ${tx.merchantId} and o.id = ${paymentId} and o.status = 'pending' returning ${operationColumns(tx)}`,
    ])) as unknown as [[(PaymentRow & { inTime: boolean })?], [OperationRow?]]
    if (!payment) throw noPayment()
    if (INSIDE_PROVIDERS.has(payment.provider) || !mayHaveNews(payment, operation)) return undefined
    const [[account], [order]] = await Promise.all([
      sealedAccountQuery(tx, payment.provider),
      tx.sql<{ customerId: string | null }[]>`
        select customer_id as "customerId" from orders where merchant_id = ${tx.merchantId} and id = ${payment.orderId}`,
    ])
    return account && questionOf(payment, operation, account as unknown as SealedAccount, order!.customerId)
  })
  crashPoint('payment.begun')
  return question
}

/** Of one that has failed, only that it did go through after all; of one that is authorized, that it is so no more. */
function mayHaveNews({ status }: PaymentRow, operation: OperationRow | undefined): boolean {
  return operation !== undefined || status === 'failed' || status === 'voided' || status === 'authorized'
}

function questionOf(
  payment: PaymentRow & { inTime: boolean },
  operation: OperationRow | undefined,
  account: SealedAccount,
  customerId: string | null,
): Question {
  const nothing = { token: null, savedMethod: null, offSession: false, save: false, returnUrl: null }
  return {
    orderId: payment.orderId,
    ask: authorizationOf({ ...payment, paymentId: payment.id, customerId, method: operation?.detail.authorize ?? nothing }),
    account,
    reference: payment.providerReference,
    isFirst: false,
    isOpen: operation !== undefined && payment.inTime && (payment.status === 'pending' || payment.status === 'requires_action'),
  }
}

async function ask(inMerchant: InMerchant, deps: PaymentDeps, question: Question): Promise<Outcome> {
  const { account, ask: wanted, reference, isFirst, isOpen } = question
  const deadline = AbortSignal.timeout(deps.callTimeoutMs)
  const call = (does: Parameters<typeof callProvider>[4]) => callProvider(deps, inMerchant.merchant, account, deadline, does)
  const authorize = () => call((provider, open, signal) => provider.authorize(open, wanted, signal))
  crashPoint('payment.before_provider')
  const found = isFirst
    ? await authorize()
    : await call((provider, open, signal) => provider.find(open, { paymentId: wanted.paymentId, reference }, signal))
  const outcome = found.kind === 'absent' && isOpen ? await authorize() : found
  crashPoint('payment.after_provider')
  return outcome
}
