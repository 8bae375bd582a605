import { GIVEN_CODE_LENGTH_MAX } from '@souk/core/gift-cards/card-code.ts'
import type { GiftCard } from '@souk/core/gift-cards/gift-card.ts'
import { CARD_NOTE_BYTES_MAX, CARDS_AT_ONCE_MAX } from '@souk/core/gift-cards/issue-gift-cards.ts'
import { z } from 'zod'
import { givenMoneySchema, moneySchema, presentMoney } from './money.ts'
import { proseSchema } from './text.ts'
import { givenTimeSchema, timeSchema } from './time.ts'

export const newCardsSchema = z.strictObject({
  amount: givenMoneySchema.meta({ description: 'On each card.' }),
  count: z.int().min(1, 'quantity_out_of_range').max(CARDS_AT_ONCE_MAX, 'quantity_out_of_range').default(1),
  expires_at: givenTimeSchema.nullable().default(null),
  note: proseSchema(CARD_NOTE_BYTES_MAX).default(''),
})

/** The codes are in no other answer, and nowhere in the database. */
export const issuedCardsSchema = z.strictObject({
  batch_id: z.uuid(),
  cards: z.array(z.strictObject({ id: z.uuid(), code: z.string().meta({ description: 'Shown this once.' }) })),
})

export const giftCardSchema = z.strictObject({
  id: z.uuid(),
  batch_id: z.uuid().nullable(),
  last_four: z.string(),
  status: z.enum(['active', 'disabled', 'expired']),
  initial_amount: moneySchema,
  balance: moneySchema,
  expires_at: timeSchema.nullable(),
  note: z.string(),
  issued_at: timeSchema,
  disabled_at: timeSchema.nullable(),
})

export const cardCodeSchema = z.strictObject({ code: z.string().min(1).max(GIVEN_CODE_LENGTH_MAX, 'text_too_long') })

/** What whoever has the code is told. */
export const cardBalanceSchema = z.strictObject({ last_four: z.string(), balance: moneySchema, expires_at: timeSchema.nullable() })

export function presentGiftCard(card: GiftCard): z.input<typeof giftCardSchema> {
  return {
    id: card.id,
    batch_id: card.batchId,
    last_four: card.lastFour,
    status: card.status,
    initial_amount: presentMoney(card.initialAmount, card.currency),
    balance: presentMoney(card.balance, card.currency),
    expires_at: card.expiresAt?.toISOString() ?? null,
    note: card.note,
    issued_at: card.issuedAt.toISOString(),
    disabled_at: card.disabledAt?.toISOString() ?? null,
  }
}

export function presentBalance(card: GiftCard): z.input<typeof cardBalanceSchema> {
  return {
    last_four: card.lastFour,
    balance: presentMoney(card.balance, card.currency),
    expires_at: card.expiresAt?.toISOString() ?? null,
  }
}
