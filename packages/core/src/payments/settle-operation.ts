import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import { type SealedAccount, sealedAccountQuery } from './accounts.ts'
import { applyOperation } from './apply-operation.ts'
import { callProvider, type PaymentDeps } from './call-provider.ts'
import { loadOperation, type OperationRow, operationColumns, type PaymentRow, paymentQuery } from './payment.ts'
import type { Outcome, PaymentProvider, ProviderAccount } from './provider.ts'
import type { By } from './saga.ts'

interface Question {
  operation: OperationRow
  payment: PaymentRow
  account: SealedAccount | undefined
}

/**
 * Has a capture, a void or a refund done by the provider, or finds out what became of it, and writes it down. The provider is
 * asked between two transactions; the operation's id is its key, so that doing it again after a lost answer does it once. May
 * run any number of times, also at once.
 */
export async function settleOperation(
  inMerchant: InMerchant,
  deps: PaymentDeps,
  { operationId }: { operationId: string },
  by: By,
): Promise<OperationRow> {
  const question = await begin(inMerchant, operationId)
  if (!question) return inMerchant.read((tx) => loadOperation(tx, operationId))
  const answers = await ask(inMerchant, deps, question)
  const settled = await inMerchant(async (tx) => {
    await applyOperation(tx, { ...question, ...answers }, by)
    crashPoint('operation.settling')
    return loadOperation(tx, operationId)
  })
  crashPoint('operation.settled')
  return settled
}

// After so long others ask what became of a call that was begun.
const LOOK_AGAIN_SECONDS = 45

/** Notes that a call begins, and reads what it needs. Undefined when it is settled. */
async function begin(inMerchant: InMerchant, operationId: string): Promise<Question | undefined> {
  const question = await inMerchant(async (tx) => {
    const [operation] = (await tx.sql`
      update payment_operation o set attempts = attempts + 1, due_at = now() + make_interval(secs => ${LOOK_AGAIN_SECONDS}::int)
      where o.merchant_id = ${tx.merchantId} and o.id = ${operationId} and o.status = 'pending' and o.kind <> 'authorize'
      returning ${operationColumns(tx)}`) as unknown as [OperationRow?]
    if (!operation) return undefined
    const [[payment]] = (await Promise.all([paymentQuery(tx, operation.paymentId)])) as unknown as [[PaymentRow]]
    const [account] = (await sealedAccountQuery(tx, payment.provider)) as unknown as [SealedAccount?]
    return { operation, payment, account }
  })
  crashPoint('operation.begun')
  return question
}

/** What the provider says; of a void that it refuses, also what has become of the payment instead. */
async function ask(
  inMerchant: InMerchant,
  deps: PaymentDeps,
  { operation, payment, account }: Question,
): Promise<{ outcome: Outcome; instead?: Outcome }> {
  const deadline = AbortSignal.timeout(deps.callTimeoutMs)
  const call = (does: Parameters<typeof callProvider>[4]) => callProvider(deps, inMerchant.merchant, account, deadline, does)
  const perform = () =>
    call((provider, open, signal) => DO[kindOf(operation)](provider, open, operation, payment.providerReference!, signal))
  const find = { paymentId: payment.id, reference: payment.providerReference }
  const asked = { kind: kindOf(operation), operationId: operation.id }
  crashPoint('operation.before_provider')
  const found: Outcome =
    operation.attempts === 1
      ? { kind: 'absent' }
      : await call((provider, open, signal) => provider.find(open, { ...find, operation: asked }, signal))
  const outcome = found.kind === 'absent' ? await perform() : found
  crashPoint('operation.after_provider')
  if (outcome.kind !== 'refused' || operation.kind !== 'void') return { outcome }
  return { outcome, instead: await call((provider, open, signal) => provider.find(open, find, signal)) }
}

type Kind = 'capture' | 'void' | 'refund'

function kindOf({ kind }: OperationRow): Kind {
  return kind as Kind
}

type Does = (
  provider: PaymentProvider,
  account: ProviderAccount,
  operation: OperationRow,
  reference: string,
  signal: AbortSignal,
) => Promise<Outcome>

const DO: Record<Kind, Does> = {
  capture: (provider, account, { id: operationId, amount, currency, detail }, reference, signal) =>
    provider.capture(account, { operationId, reference, amount, currency, final: detail.final ?? false }, signal),
  void: (provider, account, { id: operationId }, reference, signal) => provider.void(account, { operationId, reference }, signal),
  refund: (provider, account, { id: operationId, amount, currency }, reference, signal) =>
    provider.refund(account, { operationId, reference, amount, currency }, signal),
}
