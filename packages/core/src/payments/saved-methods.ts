import type { Tx } from '@souk/tenant-router/tx.ts'
import { type FieldProblem, Refusal } from '../refusal.ts'
import type { OperationDetail } from './payment.ts'
import type { PaymentWish } from './payment-wish.ts'

/** What a customer may pay with again. */
export interface SavedMethod {
  id: string
  provider: string
  type: string
  brand: string | null
  last4: string | null
  expiryMonth: number | null
  expiryYear: number | null
  createdAt: Date
}

export async function listSavedMethods(tx: Tx, customerId: string): Promise<SavedMethod[]> {
  return tx.sql<SavedMethod[]>`
    select id, provider, type, brand, last4, expiry_month as "expiryMonth", expiry_year as "expiryYear", created_at as "createdAt"
    from saved_payment_method where merchant_id = ${tx.merchantId} and customer_id = ${customerId} order by id`
}

/** Forgets a method. Refuses `not_found` for one that is not this customer's. */
export async function removeSavedMethod(tx: Tx, { customerId, methodId }: { customerId: string; methodId: string }): Promise<void> {
  const removed = await tx.sql`
    delete from saved_payment_method
    where merchant_id = ${tx.merchantId} and customer_id = ${customerId} and id = ${methodId} returning id`
  if (removed.length === 0) throw new Refusal('not_found', { detail: 'There is no such payment method.' })
}

/**
 * What a provider is to be asked with; with nothing, where its client side comes later. Refuses `payment_method_unusable` for a wish
 * that names two methods, a saved one that is not this customer's or not this provider's, and a method to be kept for nobody.
 */
export async function resolveMethod(
  tx: Tx,
  wish: PaymentWish,
  { provider, customerId }: { provider: string; customerId: string | null },
): Promise<NonNullable<OperationDetail['authorize']>> {
  const { token, savedMethodId, save = false, offSession = false, returnUrl = null } = wish
  const isSaved = savedMethodId !== undefined
  if (isSaved && token !== undefined) throw unusable('/payment/token', 'ambiguous')
  if (save && customerId === null) throw unusable('/payment/save', 'needs_customer')
  if (!isSaved) return { token: token ?? null, savedMethod: null, offSession, save, returnUrl }
  const [saved] = await tx.sql<{ reference: string }[]>`
    select provider_reference as reference from saved_payment_method
    where merchant_id = ${tx.merchantId} and id = ${savedMethodId} and customer_id = ${customerId}::uuid and provider = ${provider}`
  if (!saved) throw unusable('/payment/saved_method', 'unknown')
  return { token: null, savedMethod: saved.reference, offSession, save: false, returnUrl }
}

function unusable(pointer: string, code: FieldProblem['code']): Refusal {
  return new Refusal('payment_method_unusable', { detail: 'The payment method cannot be used.', errors: [{ pointer, code }] })
}
