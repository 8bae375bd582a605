import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { Refusal } from '../refusal.ts'
import type { Line } from './allocate.ts'
import { claimReserved } from './confirm.ts'
import { takeStock } from './take.ts'
import { tryAtOnce } from './take-at-once.ts'

export interface StockClaim {
  orderId: string
  /** What this cart has reserved passes to the order. */
  cartId?: string | undefined
  /** Lines of the same variant count together. */
  lines: readonly Line[]
  actor: Actor
  now: Date
}

/**
 * Allocates stock to an order for good: all lines or none. Its answer is the variants of which there was enough: the claim was
 * made if they are all of them. `assertClaimed` reads it. The first statement is sent at once and may travel with others; as a
 * rule it is the only one.
 */
export async function claimStock(tx: Tx, { orderId, cartId, lines, actor, now }: StockClaim): Promise<{ variant_id: string }[]> {
  const holder = { orderId, cartId: cartId ?? null }
  const taking = { as: 'allocated', minutes: 0, others: 'ended', actor, now } as const
  const taken = await tryAtOnce(tx, { holder, lines }, taking)
  if (taken.simple) return taken.enough.map((variantId) => ({ variant_id: variantId }))
  const wanted = together(lines)
  const [short] = await takeStock(tx, [{ holder, lines: wanted }], taking)
  if (short!.length === 0) await claimReserved(tx, { orderId, actor, now })
  return wanted.filter((line) => !short!.includes(line.variantId)).map((line) => ({ variant_id: line.variantId }))
}

/** Refuses `insufficient_stock` unless there was enough of every line. Names the variants, and no figure of the stock. */
export function assertClaimed(enough: readonly object[], lines: readonly { variantId: string }[]): void {
  const granted = new Set((enough as readonly { variant_id: string }[]).map((row) => row.variant_id))
  const short = [...new Set(lines.map((line) => line.variantId))].filter((variantId) => !granted.has(variantId))
  if (short.length > 0) throw insufficientStock(short)
}

export function insufficientStock(variantIds: readonly string[]): Refusal {
  return new Refusal('insufficient_stock', { detail: 'There is not enough in stock.', extra: { variant_ids: [...variantIds] } })
}

/** Lines of the same variant as one. */
export function together(lines: readonly Line[]): Line[] {
  const quantities = new Map<string, bigint>()
  for (const { variantId, quantity } of lines) quantities.set(variantId, (quantities.get(variantId) ?? 0n) + quantity)
  return [...quantities].map(([variantId, quantity]) => ({ variantId, quantity }))
}
