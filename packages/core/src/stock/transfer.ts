import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { Refusal } from '../refusal.ts'

/** part_received: some of it came, and some is in transit still. */
export const TRANSFER_STATES = ['in_transit', 'part_received', 'received', 'cancelled'] as const
export type TransferStatus = (typeof TRANSFER_STATES)[number]

export interface TransferLine {
  variantId: string
  sku: string
  quantity: bigint
  received: bigint
  lost: bigint
  calledBack: bigint
}

/** Goods on their way from one location to another. What is neither received, lost nor called back is in transit. */
export interface Transfer {
  id: string
  fromLocationId: string
  toLocationId: string
  status: TransferStatus
  note: string
  actor: Actor
  sentAt: Date
  closedAt: Date | null
  lines: TransferLine[]
}

interface TransferRow extends Omit<Transfer, 'lines'> {
  lines: { [Key in keyof TransferLine]: TransferLine[Key] extends bigint ? number : TransferLine[Key] }[]
}

/** One transfer. Refuses `not_found`. */
export async function loadTransfer(tx: Pick<Tx, 'merchantId' | 'sql'>, id: string): Promise<Transfer> {
  const [row] = await tx.sql`${transferRows(tx)} and t.id = ${id}`
  if (!row) throw noTransfer()
  return toTransfer(row)
}

/** Transfers, the newest first, `limit` of them before the one named. */
export async function listTransfers(
  tx: Pick<Tx, 'merchantId' | 'sql'>,
  { limit, before, status }: { limit: number; before?: string | undefined; status?: TransferStatus | undefined },
): Promise<Transfer[]> {
  const rows = await tx.sql`
    ${transferRows(tx)} and (${before ?? null}::uuid is null or t.id < ${before ?? null}::uuid)
      and (${status ?? null}::text is null or t.status = ${status ?? null})
    order by t.id desc limit ${limit}`
  return rows.map(toTransfer)
}

/** A transfer that nobody else changes until the transaction ends. Refuses `not_found`, and `invalid_state` for one that is closed. */
export async function holdOpenTransfer(tx: Tx, id: string): Promise<Transfer> {
  await tx.sql`select id from stock_transfer where merchant_id = ${tx.merchantId} and id = ${id} for no key update`
  const transfer = await loadTransfer(tx, id)
  if (transfer.closedAt === null) return transfer
  throw new Refusal('invalid_state', { detail: `The transfer is ${transfer.status}.`, extra: { current_state: transfer.status } })
}

export function inTransit({ quantity, received, lost, calledBack }: TransferLine): bigint {
  return quantity - received - lost - calledBack
}

function transferRows(tx: Pick<Tx, 'merchantId' | 'sql'>): Query {
  return tx.sql`
    select t.id, t.from_location_id as "fromLocationId", t.to_location_id as "toLocationId", t.status, t.note, t.actor, t.sent_at as "sentAt",
      t.closed_at as "closedAt", l.lines
    from stock_transfer t
      cross join lateral (
        select jsonb_agg(jsonb_build_object('variantId', l.variant_id, 'sku', coalesce(v.sku, ''), 'quantity', l.quantity,
          'received', l.received, 'lost', l.lost, 'calledBack', l.called_back) order by l.variant_id) as lines
        from stock_transfer_line l left join variant v on v.merchant_id = ${tx.merchantId} and v.id = l.variant_id
        where l.merchant_id = ${tx.merchantId} and l.transfer_id = t.id
      ) l
    where t.merchant_id = ${tx.merchantId}`
}

function toTransfer(row: object): Transfer {
  const { lines, ...transfer } = row as TransferRow
  return {
    ...transfer,
    lines: lines.map(({ quantity, received, lost, calledBack, ...line }) => ({
      ...line,
      ...{ quantity: BigInt(quantity), received: BigInt(received), lost: BigInt(lost), calledBack: BigInt(calledBack) },
    })),
  }
}

function noTransfer(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such transfer.' })
}
