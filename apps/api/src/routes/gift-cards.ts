import { openCursor, sealCursor, type TokenKeys } from '@souk/core/capability.ts'
import { disableGiftCard } from '@souk/core/gift-cards/disable-gift-card.ts'
import { giftCardByCode, giftCardById, listGiftCards } from '@souk/core/gift-cards/gift-card.ts'
import { CARD_NOTE_BYTES_MAX, issueGiftCards } from '@souk/core/gift-cards/issue-gift-cards.ts'
import { once, type StoredResponse } from '@souk/core/idempotency/idempotency.ts'
import { giftCard } from '@souk/core/ledger/accounts.ts'
import { SecretBox } from '@souk/core/secret-box.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Deps } from '../server.ts'
import { sendStored } from '../stored-answer.ts'
import {
  cardBalanceSchema,
  cardCodeSchema,
  giftCardSchema,
  issuedCardsSchema,
  newCardsSchema,
  presentBalance,
  presentGiftCard,
} from '../wire/gift-card.ts'
import { idSchema } from '../wire/id.ts'
import { entrySchema } from '../wire/ledger.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { proseSchema } from '../wire/text.ts'
import { statementPage } from './ledger-page.ts'

const params = z.strictObject({ gift_card_id: idSchema })
const listQuery = z.strictObject({
  ...pageQuery,
  batch_id: idSchema.optional(),
  last_four: z
    .string()
    .regex(/^[0-9A-Z]{4}$/)
    .optional(),
})

type CardDeps = Pick<Deps, 'tokenKeys' | 'giftCardAttempts'>

/** Gift cards: staff issue and follow them, whoever has a code asks what is left. */
export function giftCardRoutes(fastify: FastifyInstance, deps: CardDeps): void {
  balanceRoute(fastify, deps)
  issueRoute(fastify, deps.tokenKeys)
  cardRoutes(fastify, deps.tokenKeys)
}

function balanceRoute(fastify: FastifyInstance, { tokenKeys, giftCardAttempts }: CardDeps): void {
  fastify.withTypeProvider<ZodTypeProvider>().post(
    '/v1/gift-cards/balance',
    {
      config: { gate: 'store', summary: 'What is left on a gift card, by its code' },
      schema: { body: cardCodeSchema, response: { 200: cardBalanceSchema } },
    },
    async (request) => {
      const { inMerchant, body, now } = request
      const read = () => inMerchant.read((tx) => giftCardByCode(tx, tokenKeys, body.code, now))
      return presentBalance(await giftCardAttempts.attempt(request, read))
    },
  )
}

function issueRoute(fastify: FastifyInstance, keys: TokenKeys): void {
  const box = new SecretBox(keys, 'gift-card-codes')
  fastify.withTypeProvider<ZodTypeProvider>().post(
    '/v1/admin/gift-cards',
    {
      config: {
        gate: 'staff',
        scopes: ['gift_cards:write'],
        idempotency: 'required',
        summary: 'Issue gift cards; their codes are shown this once',
      },
      schema: { body: newCardsSchema, response: { 201: issuedCardsSchema } },
    },
    async ({ inMerchant, body, principal: { actor }, now, idempotency }, reply) => {
      const merchantId = inMerchant.merchant.id
      const answer = await inMerchant((tx) =>
        once(tx, idempotency, async () => {
          const { batchId, cards } = await issueGiftCards(tx, keys, {
            amount: { amount: BigInt(body.amount.amount), currency: body.amount.currency },
            count: body.count,
            expiresAt: body.expires_at === null ? null : new Date(body.expires_at),
            note: body.note,
            actor,
            now,
          })
          const sealed = cards.map(({ id, code }) => ({ id, code: box.seal(code, [merchantId, id]) }))
          return { statusCode: 201, body: JSON.stringify({ batch_id: batchId, cards: sealed }) }
        }),
      )
      return sendStored(reply, opened(answer, box, merchantId))
    },
  )
}

/** Codes are sealed in the answer that is kept for replays, and opened on the way out. */
function opened<Answer extends StoredResponse>(answer: Answer, box: SecretBox, merchantId: string): Answer {
  const { batch_id, cards } = JSON.parse(answer.body) as z.output<typeof issuedCardsSchema>
  const readable = cards.map(({ id, code }) => ({ id, code: box.open(code, [merchantId, id]) }))
  return { ...answer, body: JSON.stringify({ batch_id, cards: readable }) }
}

function cardRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/gift-cards',
    {
      config: { gate: 'staff', scopes: ['gift_cards:read'], summary: 'List gift cards, the newest first; of a batch or with an ending' },
      schema: { querystring: listQuery, response: { 200: pageOf(giftCardSchema) } },
    },
    async ({ inMerchant, query: { limit, cursor, batch_id, last_four }, now }) => {
      const scope = { merchantId: inMerchant.merchant.id, query: `gift-cards|${JSON.stringify([batch_id, last_four])}` }
      const [before] = cursor === undefined ? [] : openCursor(keys, scope, cursor)
      const filter = { batchId: batch_id, lastFour: last_four }
      const { cards, next } = await inMerchant.read((tx) => listGiftCards(tx, filter, { limit, before, now }))
      return { data: cards.map(presentGiftCard), next_cursor: next && sealCursor(keys, scope, [next]) }
    },
  )

  app.get(
    '/v1/admin/gift-cards/:gift_card_id',
    {
      config: { gate: 'staff', scopes: ['gift_cards:read'], summary: 'Read a gift card and what is left on it' },
      schema: { params, response: { 200: giftCardSchema } },
    },
    async ({ inMerchant, params: { gift_card_id }, now }) =>
      presentGiftCard(await inMerchant.read((tx) => giftCardById(tx, gift_card_id, now))),
  )

  app.get(
    '/v1/admin/gift-cards/:gift_card_id/history',
    {
      config: { gate: 'staff', scopes: ['gift_cards:read'], summary: 'What came onto a gift card and was spent of it, the newest first' },
      schema: { params, querystring: z.strictObject(pageQuery), response: { 200: pageOf(entrySchema) } },
    },
    async ({ inMerchant, params: { gift_card_id }, query, now }) => {
      const { currency } = await inMerchant.read((tx) => giftCardById(tx, gift_card_id, now))
      return statementPage(inMerchant, keys, { code: giftCard(gift_card_id).code, currency }, query)
    },
  )

  app.post(
    '/v1/admin/gift-cards/:gift_card_id/disable',
    {
      config: { gate: 'staff', scopes: ['gift_cards:write'], summary: 'Take a gift card out of use; what is on it stays on it' },
      schema: {
        params,
        body: z.strictObject({ reason: proseSchema(CARD_NOTE_BYTES_MAX).default('') }),
        response: { 200: giftCardSchema },
      },
    },
    async ({ inMerchant, params: { gift_card_id }, body: { reason }, principal: { actor }, now }) =>
      presentGiftCard(await inMerchant((tx) => disableGiftCard(tx, gift_card_id, { actor, now, reason }))),
  )
}
