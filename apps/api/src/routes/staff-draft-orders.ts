import { capabilityToken } from '@souk/core/capability.ts'
import type { Cart } from '@souk/core/cart/cart.ts'
import { loadCart } from '@souk/core/cart/cart.ts'
import {
  assertDraft,
  changeDraft,
  createDraft,
  DRAFT_DISCOUNT_REASON_BYTES_MAX,
  type DraftContent,
  type DraftSummary,
  discardDraft,
  listDrafts,
} from '@souk/core/cart/draft.ts'
import { once } from '@souk/core/idempotency/idempotency.ts'
import { Refusal } from '@souk/core/refusal.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Deps } from '../server.ts'
import { sendStored } from '../stored-answer.ts'
import { addressSchema } from '../wire/address.ts'
import { cartSchema, newLineSchema, presentCart } from '../wire/cart.ts'
import { idSchema } from '../wire/id.ts'
import { givenMoneySchema } from '../wire/money.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { emailSchema, proseSchema } from '../wire/text.ts'

const params = z.strictObject({ draft_id: idSchema })
const OPTION_MAX = 200
const LINES_MAX = 1_500

const discountSchema = z.strictObject({ amount: givenMoneySchema, reason: proseSchema(DRAFT_DISCOUNT_REASON_BYTES_MAX) })
const fields = {
  customer_id: idSchema.nullable().optional(),
  email: emailSchema.nullable().optional(),
  shipping_address: addressSchema.nullable().optional(),
  billing_address: addressSchema.nullable().optional(),
  shipping_option: z.string().max(OPTION_MAX).nullable().optional(),
  discount: discountSchema.nullable().optional().meta({ description: 'Off the whole order, by hand.' }),
}
const linesSchema = z.array(newLineSchema).max(LINES_MAX, 'too_many_lines')
const newDraftSchema = z.strictObject({ lines: linesSchema, ...fields })
const draftChangeSchema = z.strictObject({ lines: linesSchema.optional().meta({ description: 'All lines there shall be.' }), ...fields })
const draftSchema = cartSchema.extend({
  token: z.string().meta({ description: 'Sent to the buyer, who orders the draft as a cart with it as Cart-Token.' }),
})
const summarySchema = z.strictObject({
  id: idSchema,
  status: z.enum(['open', 'ordered']),
  email: z.string().nullable(),
  drafted_by: z.record(z.string(), z.unknown()),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
})

/** Carts that staff make for buyers. They are ordered as any cart is, by the buyer or by staff, with the draft's token. */
export function staffDraftOrderRoutes(fastify: FastifyInstance, { tokenKeys }: Pick<Deps, 'tokenKeys'>): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const present = (merchantId: string, cart: Cart) => ({
    ...presentCart(cart),
    token: capabilityToken(tokenKeys, merchantId, 'cart', cart.id),
  })

  app.post(
    '/v1/admin/draft-orders',
    {
      config: { gate: 'staff', scopes: ['orders:write'], addsRows: true, idempotency: 'accepted', summary: 'Draft an order for a buyer' },
      schema: { body: newDraftSchema, response: { 201: draftSchema } },
    },
    async ({ inMerchant, body, principal: { actor }, now, idempotency }, reply) => {
      const answer = await inMerchant((tx) =>
        once(tx, idempotency, async () => {
          const { lines = [], details = {}, discount = null } = toContent(body)
          const cart = await createDraft(tx, { lines, details, discount }, { actor, now })
          return { statusCode: 201, body: JSON.stringify(present(tx.merchantId, assertCurrency(cart, body))) }
        }),
      )
      return sendStored(reply, answer)
    },
  )

  app.get(
    '/v1/admin/draft-orders',
    {
      config: { gate: 'staff', scopes: ['orders:read'], summary: 'List drafts, the newest first' },
      schema: { querystring: z.strictObject(pageQuery), response: { 200: pageOf(summarySchema) } },
    },
    async ({ inMerchant, query }) => {
      const { drafts, nextCursor } = await inMerchant.read((tx) => listDrafts(tx, tokenKeys, query))
      return { data: drafts.map(presentSummary), next_cursor: nextCursor }
    },
  )

  app.get(
    '/v1/admin/draft-orders/:draft_id',
    {
      config: { gate: 'staff', scopes: ['orders:read'], summary: 'Read a draft, priced as of now' },
      schema: { params, response: { 200: draftSchema } },
    },
    async ({ inMerchant, params: { draft_id }, now }) =>
      inMerchant.read(async (tx) => {
        await assertDraft(tx, draft_id)
        return present(tx.merchantId, await loadCart(tx, draft_id, now))
      }),
  )

  app.patch(
    '/v1/admin/draft-orders/:draft_id',
    {
      config: { gate: 'staff', scopes: ['orders:write'], summary: 'Change a draft; what is absent stays' },
      schema: { params, body: draftChangeSchema, response: { 200: draftSchema } },
    },
    async ({ inMerchant, params: { draft_id }, body, now }) =>
      inMerchant(async (tx) => {
        const cart = await changeDraft(tx, draft_id, toContent(body), now)
        return present(tx.merchantId, assertCurrency(cart, body))
      }),
  )

  app.delete(
    '/v1/admin/draft-orders/:draft_id',
    {
      config: { gate: 'staff', scopes: ['orders:write'], summary: 'Discard a draft' },
      schema: { params, response: { 204: z.null() } },
    },
    async ({ inMerchant, params: { draft_id } }, reply) => {
      await inMerchant((tx) => discardDraft(tx, draft_id))
      return reply.code(204).send(null)
    },
  )
}

function toContent(body: z.output<typeof draftChangeSchema>): Partial<DraftContent> {
  const { lines, discount, customer_id: customerId, email, shipping_address, billing_address, shipping_option } = body
  return {
    ...(lines && { lines: lines.map(({ variant_id, quantity }) => ({ variantId: variant_id, quantity: BigInt(quantity) })) }),
    ...(discount !== undefined && { discount: discount && { amount: BigInt(discount.amount.amount), reason: discount.reason } }),
    details: { customerId, email, shippingAddress: shipping_address, billingAddress: billing_address, shippingOption: shipping_option },
  }
}

/** A discount is given in the shop's currency. */
function assertCurrency(cart: Cart, { discount }: z.output<typeof draftChangeSchema>): Cart {
  if (!discount || discount.amount.currency === cart.currency) return cart
  throw new Refusal('currency_mismatch', { errors: [{ pointer: '/discount/amount/currency', code: 'currency_mismatch' }] })
}

function presentSummary({ id, status, email, draftedBy, createdAt, updatedAt }: DraftSummary): z.input<typeof summarySchema> {
  return { id, status, email, drafted_by: { ...draftedBy }, created_at: createdAt.toISOString(), updated_at: updatedAt.toISOString() }
}
