import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { TokenKeys } from '../capability.ts'
import { Refusal } from '../refusal.ts'
import { codeDigests } from './card-code.ts'

export type GiftCardStatus = 'active' | 'disabled' | 'expired'

/** A gift card as it is now. Amounts in minor units. */
export interface GiftCard {
  id: string
  lastFour: string
  currency: string
  initialAmount: bigint
  balance: bigint
  status: GiftCardStatus
  expiresAt: Date | null
  note: string
  batchId: string | null
  issuedAt: Date
  disabledAt: Date | null
}

type Scope = Pick<Tx, 'merchantId' | 'sql'>

/** A gift card. Refuses `not_found`. */
export async function giftCardById(tx: Tx, giftCardId: string, now: Date): Promise<GiftCard> {
  const [found] = await tx.sql<GiftCard[]>`${cardsQuery(tx, now)} and c.id = ${giftCardId}`
  if (!found) throw noCard()
  return found
}

/** The card of a code, in whatever spelling. Refuses `gift_card_invalid` for one that cannot be spent; not saying why tells nobody what exists. */
export async function giftCardByCode(tx: Tx, keys: TokenKeys, code: string, now: Date): Promise<GiftCard> {
  const digests = codeDigests(keys, tx.merchantId, code)
  const [found] = await tx.sql<GiftCard[]>`${cardsQuery(tx, now)} and c.code_digest = any (${digests}::text[])`
  if (found?.status !== 'active') throw new Refusal('gift_card_invalid', { detail: 'There is no such gift card, or it cannot be used.' })
  return found
}

export interface CardFilter {
  batchId?: string | undefined
  lastFour?: string | undefined
}

/** Gift cards, the newest first; `next` is the card after which the list goes on. */
export async function listGiftCards(
  tx: Tx,
  filter: CardFilter,
  page: { limit: number; before?: string | undefined; now: Date },
): Promise<{ cards: GiftCard[]; next: string | null }> {
  const { batchId = null, lastFour = null } = filter
  const rows = await tx.sql<GiftCard[]>`
    ${cardsQuery(tx, page.now)}
      and (${batchId}::uuid is null or c.batch_id = ${batchId}::uuid)
      and (${lastFour}::text is null or c.last_four = ${lastFour}::text)
      and (${page.before ?? null}::uuid is null or c.id < ${page.before ?? null}::uuid)
    order by c.id desc limit ${page.limit + 1}`
  const cards = rows.slice(0, page.limit)
  return { cards, next: rows.length > page.limit ? cards.at(-1)!.id : null }
}

function cardsQuery(tx: Scope, now: Date): Query {
  return tx.sql`
    select c.id, c.last_four as "lastFour", c.currency, c.initial_amount as "initialAmount", coalesce(a.balance, 0) as balance,
      case when c.status = 'disabled' then 'disabled' when c.expires_at <= ${now}::timestamptz then 'expired' else 'active' end as status,
      c.expires_at as "expiresAt", c.note, c.batch_id as "batchId", c.issued_at as "issuedAt", c.disabled_at as "disabledAt"
    from gift_card c
      left join ledger_account a on a.merchant_id = ${tx.merchantId} and a.code = 'gift_card:' || c.id and a.currency = c.currency
    where c.merchant_id = ${tx.merchantId}`
}

export function noCard(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such gift card.' })
}
