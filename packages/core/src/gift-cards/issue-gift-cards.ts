import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import type { TokenKeys } from '../capability.ts'
import { recordEvents } from '../events/record-many.ts'
import { newId } from '../ids.ts'
import { GIFT_CARDS_ISSUED, giftCard } from '../ledger/accounts.ts'
import { postJournal } from '../ledger/journal.ts'
import { settingsQuery, toSettings } from '../merchant/settings.ts'
import { AMOUNT_MAX, type Money } from '../money.ts'
import { Refusal } from '../refusal.ts'
import { requireProse } from '../text.ts'
import { codeDigests, lastFourOf, newCardCode } from './card-code.ts'

export const CARDS_AT_ONCE_MAX = 500
export const CARD_NOTE_BYTES_MAX = 1_000

export interface CardsToIssue {
  /** On each of them. */
  amount: Money
  count: number
  expiresAt: Date | null
  note: string
  actor: Actor
  now: Date
}

/** A card with the code that spends it, which is written nowhere. */
export interface IssuedCard {
  id: string
  code: string
}

/**
 * Makes gift cards and puts money on them, all in one journal. Codes are answered this once. Refuses `currency_mismatch` for
 * another currency than the merchant sells in, and `amount_out_of_range`.
 */
export async function issueGiftCards(tx: Tx, keys: TokenKeys, wanted: CardsToIssue): Promise<{ batchId: string; cards: IssuedCard[] }> {
  const { amount, count, actor, now } = wanted
  const note = requireProse('/note', wanted.note, CARD_NOTE_BYTES_MAX)
  const batchId = newId(now)
  const cards = Array.from({ length: count }, () => ({ id: newId(now), code: newCardCode() }))
  assertAmount(amount, toSettings(await settingsQuery(tx)).currency, count)
  await Promise.all([
    insertCards(tx, keys, cards, { ...wanted, note, batchId }),
    postJournal(tx, {
      key: `gift-cards:${batchId}`,
      kind: 'gift_card_issue',
      orderId: null,
      paymentId: null,
      currency: amount.currency,
      entries: [
        { account: GIFT_CARDS_ISSUED, amount: amount.amount * BigInt(count) },
        ...cards.map(({ id }) => ({ account: giftCard(id), amount: -amount.amount })),
      ],
      actor,
      now,
    }),
    recordAudit(tx, {
      action: 'gift_cards.issued',
      targetType: 'gift_card_batch',
      targetId: batchId,
      before: null,
      after: { count, amount: amount.amount, currency: amount.currency, expires_at: wanted.expiresAt },
      reason: note,
      actor,
      now,
    }),
    recordEvents(tx, cards.map(issued(wanted, batchId)), { actor, now }),
  ])
  return { batchId, cards }
}

function assertAmount({ amount, currency }: Money, sold: string, count: number): void {
  if (currency !== sold)
    throw new Refusal('currency_mismatch', {
      detail: `The shop sells in ${sold}.`,
      errors: [{ pointer: '/amount/currency', code: 'currency_mismatch' }],
    })
  if (amount <= 0n || amount * BigInt(count) > AMOUNT_MAX)
    throw new Refusal('amount_out_of_range', {
      detail: `Cards are worth more than nothing, and together ${AMOUNT_MAX} minor units at most.`,
      errors: [{ pointer: '/amount/amount', code: 'amount_out_of_range' }],
    })
}

function insertCards(tx: Tx, keys: TokenKeys, cards: readonly IssuedCard[], of: CardsToIssue & { batchId: string }): Query {
  const rows = cards.map(({ id, code }) => ({
    id,
    code_digest: codeDigests(keys, tx.merchantId, code)[0],
    last_four: lastFourOf(code),
  }))
  return tx.sql`
    insert into gift_card (merchant_id, id, code_digest, last_four, currency, initial_amount, status, expires_at, note, batch_id, issued_by,
      issued_at)
    select ${tx.merchantId}::uuid, id, code_digest, last_four, ${of.amount.currency}, ${of.amount.amount}::bigint, 'active',
      ${of.expiresAt}::timestamptz, ${of.note}, ${of.batchId}::uuid, ${JSON.stringify(of.actor)}::jsonb, ${of.now}::timestamptz
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as card (id uuid, code_digest text, last_four text)`
}

function issued({ amount, expiresAt }: CardsToIssue, batchId: string) {
  return ({ id, code }: IssuedCard) => ({
    type: 'gift_card.issued',
    aggregateType: 'gift_card',
    aggregateId: id,
    data: {
      gift_card_id: id,
      batch_id: batchId,
      last_four: lastFourOf(code),
      amount: { amount: Number(amount.amount), currency: amount.currency },
      expires_at: expiresAt?.toISOString() ?? null,
    },
  })
}
