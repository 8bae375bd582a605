import { EDIT_REASON_BYTES_MAX, type EditPreview } from '@souk/core/checkout/edit-order.ts'
import { type OrderEdit, STAFF_DISCOUNT_REASON_BYTES_MAX } from '@souk/core/checkout/edit-pricing.ts'
import { type Collect, previewEdit, requestEdit } from '@souk/core/checkout/request-edit.ts'
import { once } from '@souk/core/idempotency/idempotency.ts'
import {
  addNote,
  changeContact,
  listNotes,
  NOTE_BYTES_MAX,
  type OrderNote,
  TAG_LENGTH_MAX,
  TAGS_MAX,
  tagOrder,
} from '@souk/core/orders/annotate-order.ts'
import { readOrderState } from '@souk/core/orders/hold-order.ts'
import { listEdits, type StoredEdit } from '@souk/core/orders/list-edits.ts'
import { orderQueries, toOrder } from '@souk/core/orders/order.ts'
import { Refusal } from '@souk/core/refusal.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Deps } from '../server.ts'
import { sendStored } from '../stored-answer.ts'
import { addressSchema } from '../wire/address.ts'
import { newLineSchema } from '../wire/cart.ts'
import { idSchema } from '../wire/id.ts'
import { givenMoneySchema, moneySchema, presentMoney, presentTotals, totalsSchema } from '../wire/money.ts'
import { orderSchema, presentOrder } from '../wire/order.ts'
import { staffWishSchema } from '../wire/payment.ts'
import { emailSchema, proseSchema, textSchema } from '../wire/text.ts'

const params = z.strictObject({ order_id: idSchema })
const LINES_MAX = 1_500
const QUANTITY_MAX = 100_000

const editFields = {
  lines: z
    .array(
      z.strictObject({
        line_id: idSchema,
        quantity: z.int('quantity_out_of_range').min(0, 'quantity_out_of_range').max(QUANTITY_MAX, 'quantity_out_of_range'),
      }),
    )
    .max(LINES_MAX, 'too_many_lines')
    .default([])
    .meta({ description: 'New quantities; 0 takes the line out. Lines that are not named stay as they are.' }),
  added: z.array(newLineSchema).max(LINES_MAX, 'too_many_lines').default([]),
  discount: z
    .strictObject({ amount: givenMoneySchema, reason: proseSchema(STAFF_DISCOUNT_REASON_BYTES_MAX) })
    .nullable()
    .optional()
    .meta({ description: 'Off the whole order, instead of what was taken off by hand before; null takes that back.' }),
  shipping_address: addressSchema.optional(),
  recount_promotions: z.boolean().default(false).meta({
    description:
      'Whether the promotions and codes of then are counted anew, with their uses. Otherwise what they took off stays with the goods, by the piece.',
  }),
}

const collectSchema = z
  .discriminatedUnion('from', [
    z.strictObject({ from: z.literal('hand') }),
    z.strictObject({ from: z.literal('buyer') }),
    z.strictObject({ from: z.literal('saved_method'), payment: staffWishSchema }),
  ])
  .default({ from: 'hand' })
  .meta({
    description:
      'How what is outstanding then is collected: by staff, by hand; from the buyer, who is sent a link to pay it; or with a method the customer has kept, now, and from the buyer if that is declined.',
  })

const previewSchema = z.strictObject({
  before: totalsSchema,
  after: totalsSchema,
  difference: moneySchema.meta({ description: 'The new total less the old one.' }),
  outstanding: moneySchema.meta({ description: 'What would be neither paid nor authorized.' }),
  excess: moneySchema.meta({ description: 'What was captured beyond the new total: it goes back.' }),
  lines: z.array(z.strictObject({ line_id: idSchema, sku: z.string(), variant_id: idSchema, quantity: z.int(), total: moneySchema })),
})
const noteSchema = z.strictObject({
  id: idSchema,
  body: z.string(),
  actor: z.record(z.string(), z.unknown()),
  created_at: z.iso.datetime(),
})
const editSchema = z.strictObject({
  id: idSchema,
  difference: moneySchema,
  reason: z.string(),
  actor: z.record(z.string(), z.unknown()),
  edited_at: z.iso.datetime(),
})

type EditDeps = Pick<Deps, 'payments' | 'plugins'>

/** What staff change of an order after it was placed, and write on it. */
export function staffOrderChangeRoutes(fastify: FastifyInstance, deps: EditDeps): void {
  editRoutes(fastify, deps)
  annotationRoutes(fastify)
}

function editRoutes(fastify: FastifyInstance, { payments, plugins }: EditDeps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/v1/admin/orders/:order_id/edits/preview',
    {
      config: { gate: 'staff', scopes: ['orders:read'], summary: 'What an edit would make of an order; nothing is changed' },
      schema: { params, body: z.strictObject(editFields), response: { 200: previewSchema } },
    },
    async ({ inMerchant, params: { order_id: orderId }, body, now }) =>
      presentPreview(
        await previewEdit({ inMerchant, plugins }, { orderId, edit: toEdit(body, await currencyOf(inMerchant, orderId)), now }),
      ),
  )

  app.post(
    '/v1/admin/orders/:order_id/edits',
    {
      config: {
        gate: 'staff',
        scopes: ['orders:write'],
        idempotency: 'required',
        summary: 'Edit an order: quantities, goods, a discount, the address; stock and money follow',
      },
      schema: {
        params,
        body: z.strictObject({
          ...editFields,
          reason: proseSchema(EDIT_REASON_BYTES_MAX).default(''),
          expected_total: givenMoneySchema.optional().meta({ description: 'The total of the preview; another one is refused.' }),
          collect: collectSchema,
          refund_to: z.enum(['original', 'store_credit']).default('original').meta({ description: 'Where what was paid too much goes.' }),
        }),
        response: { 200: orderSchema },
      },
    },
    async ({ inMerchant, params: { order_id: orderId }, body, principal: { actor }, now, idempotency }, reply) => {
      const { reason, expected_total: expected, collect, refund_to: refundTo, ...edit } = body
      const expectedTotal = expected && { amount: BigInt(expected.amount), currency: expected.currency }
      const answer = await requestEdit(
        { inMerchant, payments, plugins },
        {
          ...{
            orderId,
            edit: toEdit(edit, await currencyOf(inMerchant, orderId)),
            reason,
            expectedTotal,
            refundTo,
            actor,
            now,
            idempotency,
          },
          collect: toCollect(collect),
          answer: (order) => ({ statusCode: 200, body: JSON.stringify(presentOrder(order)) }),
        },
      )
      return sendStored(reply, answer)
    },
  )

  app.get(
    '/v1/admin/orders/:order_id/edits',
    {
      config: { gate: 'staff', scopes: ['orders:read'], summary: "An order's edits, the oldest first" },
      schema: { params, response: { 200: z.strictObject({ data: z.array(editSchema) }) } },
    },
    async ({ inMerchant, params: { order_id: orderId } }) => {
      const currency = await currencyOf(inMerchant, orderId)
      const edits = await inMerchant.read((tx) => listEdits(tx, orderId))
      return { data: edits.map((edit) => presentEdit(edit, currency)) }
    },
  )
}

function annotationRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.patch(
    '/v1/admin/orders/:order_id',
    {
      config: {
        gate: 'staff',
        scopes: ['orders:write'],
        summary: 'Correct whom an order is for; prices stay what they are',
      },
      schema: {
        params,
        body: z.strictObject({
          email: emailSchema.optional(),
          shipping_address: addressSchema.optional(),
          billing_address: addressSchema.optional(),
        }),
        response: { 200: orderSchema },
      },
    },
    async ({ inMerchant, params: { order_id }, body, principal: { actor }, now }) => {
      const change = { email: body.email, shippingAddress: body.shipping_address, billingAddress: body.billing_address }
      return presentOrder(
        await inMerchant(async (tx) => {
          await changeContact(tx, order_id, change, { actor, now })
          return toOrder(await Promise.all(orderQueries(tx, order_id)))
        }),
      )
    },
  )

  app.put(
    '/v1/admin/orders/:order_id/tags',
    {
      config: { gate: 'staff', scopes: ['orders:write'], summary: "Set an order's tags" },
      schema: {
        params,
        body: z.strictObject({ tags: z.array(textSchema(TAG_LENGTH_MAX)).max(TAGS_MAX, 'too_many') }),
        response: { 200: orderSchema },
      },
    },
    async ({ inMerchant, params: { order_id }, body: { tags }, principal: { actor }, now }) =>
      presentOrder(
        await inMerchant(async (tx) => {
          await tagOrder(tx, order_id, tags, { actor, now })
          return toOrder(await Promise.all(orderQueries(tx, order_id)))
        }),
      ),
  )

  app.post(
    '/v1/admin/orders/:order_id/notes',
    {
      config: { gate: 'staff', scopes: ['orders:write'], idempotency: 'accepted', summary: 'Write a note on an order, for staff alone' },
      schema: { params, body: z.strictObject({ body: proseSchema(NOTE_BYTES_MAX) }), response: { 201: noteSchema } },
    },
    async ({ inMerchant, params: { order_id }, body: { body }, principal: { actor }, now, idempotency }, reply) => {
      const answer = await inMerchant((tx) =>
        once(tx, idempotency, async () => {
          const note = await addNote(tx, order_id, body, { actor, now })
          return { statusCode: 201, body: JSON.stringify(presentNote(note)) }
        }),
      )
      return sendStored(reply, answer)
    },
  )

  app.get(
    '/v1/admin/orders/:order_id/notes',
    {
      config: { gate: 'staff', scopes: ['orders:read'], summary: "An order's notes, the oldest first" },
      schema: { params, response: { 200: z.strictObject({ data: z.array(noteSchema) }) } },
    },
    async ({ inMerchant, params: { order_id } }) => {
      const notes = await inMerchant.read(async (tx) => {
        await readOrderState(tx, order_id)
        return listNotes(tx, order_id)
      })
      return { data: notes.map(presentNote) }
    },
  )
}

type GivenEdit = z.output<ReturnType<typeof z.strictObject<typeof editFields>>>

/** Amounts are given in the order's currency; another one is refused. */
function toEdit(
  { lines, added, discount, shipping_address: shippingAddress, recount_promotions: recountsPromotions }: GivenEdit,
  currency: string,
): OrderEdit {
  if (discount && discount.amount.currency !== currency)
    throw new Refusal('currency_mismatch', { errors: [{ pointer: '/discount/amount/currency', code: 'currency_mismatch' }] })
  return {
    quantities: lines.map(({ line_id, quantity }) => ({ lineId: line_id, quantity: BigInt(quantity) })),
    added: added.map(({ variant_id, quantity }) => ({ variantId: variant_id, quantity: BigInt(quantity) })),
    discount: discount && { amount: BigInt(discount.amount.amount), reason: discount.reason },
    shippingAddress,
    recountsPromotions,
  }
}

function toCollect(collect: z.output<typeof collectSchema>): Collect {
  if (collect.from !== 'saved_method') return collect
  const { provider, saved_method: savedMethodId } = collect.payment
  return { from: collect.from, wish: { provider, savedMethodId } }
}

async function currencyOf(inMerchant: InMerchant, orderId: string): Promise<string> {
  return (await inMerchant.read((tx) => readOrderState(tx, orderId))).state.currency
}

function presentPreview({ currency, ...seen }: EditPreview): z.input<typeof previewSchema> {
  const totals = (of: EditPreview['after']) =>
    presentTotals({ ...of, discount: of.discountTotal, shipping: of.shippingTotal, tax: of.taxTotal }, currency)
  return {
    before: totals(seen.before),
    after: totals(seen.after),
    difference: presentMoney(seen.difference, currency),
    outstanding: presentMoney(seen.outstanding, currency),
    excess: presentMoney(seen.excess, currency),
    lines: seen.lines.map(({ id, sku, variantId, quantity, total }) => ({
      ...{ line_id: id, sku, variant_id: variantId, quantity: Number(quantity), total: presentMoney(total, currency) },
    })),
  }
}

function presentNote({ id, body, actor, createdAt }: OrderNote): z.input<typeof noteSchema> {
  return { id, body, actor: { ...actor }, created_at: createdAt.toISOString() }
}

function presentEdit({ id, difference, reason, actor, editedAt }: StoredEdit, currency: string): z.input<typeof editSchema> {
  return { id, difference: presentMoney(difference, currency), reason, actor: { ...actor }, edited_at: editedAt.toISOString() }
}
