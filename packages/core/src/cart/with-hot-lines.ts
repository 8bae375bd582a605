import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import { Refusal } from '../refusal.ts'
import { hotVariants } from '../stock/heat.ts'
import { reserveStock } from '../stock/reserve.ts'
import { reserveInTurn } from '../stock/reserve-in-turn.ts'

/** What of a cart's lines is about to change: units that are added of variants, or how many a line is to have. */
export interface LinesWanted {
  cartId: string
  added?: readonly { variantId: string; quantity: bigint }[]
  set?: { lineId: string; quantity: bigint }
  now: Date
}

interface HotLine {
  variantId: string
  /** In the cart, and as it shall be. */
  quantity: bigint
  wanted: bigint
  minutes: number
}

/**
 * Changes the lines of a cart, and where its merchant keeps what is put into carts, and many want just that at this moment, lets the cart
 * get into line for it before: the change finds it reserved and needs no lock that others wait for. Who gets none in line is told so
 * by the change itself. What was got in vain is given back: the cart then keeps what its lines say.
 */
export async function withHotLines<Answer extends { replayed: boolean }>(
  inMerchant: InMerchant,
  wanted: LinesWanted,
  change: () => Promise<Answer>,
): Promise<Answer> {
  const hot = hotVariants(inMerchant.merchant.id)
  const reserved = hot.length === 0 ? [] : await reserveAhead(inMerchant, wanted, hot)
  if (reserved.length === 0) return change()
  crashPoint('checkout.reserved_ahead')
  try {
    const answer = await change()
    if (answer.replayed) await keepAsInCart(inMerchant, wanted, reserved)
    return answer
  } catch (error) {
    // The same request that is still under way needs it; and after any other failure it runs out by itself.
    if (error instanceof Refusal && error.code !== 'idempotency_in_progress')
      await keepAsInCart(inMerchant, wanted, reserved).catch(() => {})
    throw error
  }
}

/** Answers the lines for which something was reserved. */
async function reserveAhead(inMerchant: InMerchant, wanted: LinesWanted, hot: readonly string[]): Promise<HotLine[]> {
  const reserved: HotLine[] = []
  for (const line of await hotLines(inMerchant, wanted, hot)) {
    if (line.wanted <= line.quantity) continue
    const { variantId, minutes } = line
    try {
      await reserveInTurn(inMerchant, {
        ...{ cartId: wanted.cartId, variantId, quantity: line.wanted, minutes, actor: { kind: 'buyer' }, now: wanted.now },
      })
      reserved.push(line)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return reserved
    }
  }
  return reserved
}

/** Those of the lines whose goods are hot, in claim order; none where the merchant keeps nothing for carts, or the cart is an order. */
async function hotLines(inMerchant: InMerchant, { cartId, added = [], set }: LinesWanted, hot: readonly string[]): Promise<HotLine[]> {
  const adding = added.filter(({ variantId }) => hot.includes(variantId))
  if (adding.length === 0 && !set) return []
  const [rows = []] = await inMerchant.readOnce((tx) => [
    tx.sql`
      select w.variant_id as "variantId", coalesce(l.quantity, 0) as quantity,
        case when l.id = ${set?.lineId ?? null}::uuid then ${set?.quantity ?? 0n}::bigint
          else coalesce(l.quantity, 0) + coalesce((
            select sum(a.quantity) from jsonb_to_recordset(${JSON.stringify(
              adding.map(({ variantId, quantity }) => ({ variantId, quantity: quantity.toString() })),
            )}::jsonb) as a ("variantId" uuid, quantity bigint) where a."variantId" = w.variant_id), 0)::bigint
        end as wanted, s.cart_reservation_minutes as minutes
      from unnest(${hot as string[]}::uuid[]) as w (variant_id)
        join merchant_settings s on s.merchant_id = ${tx.merchantId} and s.reserve_in_cart
        left join cart_line l on l.merchant_id = ${tx.merchantId} and l.cart_id = ${cartId} and l.variant_id = w.variant_id
        left join cart c on c.merchant_id = ${tx.merchantId} and c.id = ${cartId}
      where coalesce(c.status, 'open') = 'open'
      order by w.variant_id`,
  ])
  return rows as unknown as HotLine[]
}

/** Has the cart keep of these variants what its lines say. */
async function keepAsInCart(inMerchant: InMerchant, { cartId, now }: LinesWanted, lines: readonly HotLine[]): Promise<void> {
  const variantIds = lines.map(({ variantId }) => variantId)
  await inMerchant(async (tx) => {
    const rows = await tx.sql<{ variantId: string; quantity: bigint }[]>`
      select w.variant_id as "variantId", coalesce(l.quantity, 0) as quantity
      from unnest(${variantIds}::uuid[]) as w (variant_id)
        left join cart_line l on l.merchant_id = ${tx.merchantId} and l.cart_id = ${cartId} and l.variant_id = w.variant_id
      order by w.variant_id`
    await reserveStock(tx, {
      holder: { cartId },
      lines: [...rows],
      others: 'kept',
      minutes: lines[0]!.minutes,
      actor: { kind: 'buyer' },
      now,
    })
  })
}
