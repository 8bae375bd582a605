import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { recordAudit } from '../audit/record-audit.ts'
import type { ByWhom } from './end-reservations.ts'

export const CART_RESERVATION_MINUTES_MAX = 10_080
export const PAYMENT_RESERVATION_MINUTES_MAX = 1_440

/** For how long a merchant keeps goods. */
export interface ReservationSettings {
  /** Whether what is put into a cart is kept for it. */
  reserveInCart: boolean
  cartMinutes: number
  /** From the start of a payment on. */
  paymentMinutes: number
}

export async function reservationSettings(tx: Pick<Tx, 'merchantId' | 'sql'>): Promise<ReservationSettings> {
  const [row] = await settingsQuery(tx)
  return row as unknown as ReservationSettings
}

/** Changes them; what is absent stays. What is reserved already keeps its time. */
export async function changeReservationSettings(
  tx: Tx,
  changes: { [Key in keyof ReservationSettings]?: ReservationSettings[Key] | undefined },
  by: ByWhom,
): Promise<ReservationSettings> {
  await tx.sql`select 1 from merchant_settings where merchant_id = ${tx.merchantId} for no key update`
  const before = await reservationSettings(tx)
  const after = {
    reserveInCart: changes.reserveInCart ?? before.reserveInCart,
    cartMinutes: changes.cartMinutes ?? before.cartMinutes,
    paymentMinutes: changes.paymentMinutes ?? before.paymentMinutes,
  }
  await Promise.all([
    tx.sql`
      update merchant_settings set reserve_in_cart = ${after.reserveInCart}, cart_reservation_minutes = ${after.cartMinutes},
        payment_reservation_minutes = ${after.paymentMinutes}, updated_at = ${by.now}
      where merchant_id = ${tx.merchantId}`,
    recordAudit(tx, {
      action: 'reservations.changed',
      targetType: 'settings',
      targetId: tx.merchantId,
      before,
      after,
      reason: '',
      ...by,
    }),
  ])
  return after
}

function settingsQuery(tx: Pick<Tx, 'merchantId' | 'sql'>): Query {
  return tx.sql`
    select reserve_in_cart as "reserveInCart", cart_reservation_minutes as "cartMinutes", payment_reservation_minutes as "paymentMinutes"
    from merchant_settings where merchant_id = ${tx.merchantId}`
}
