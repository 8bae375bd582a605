import { addVariant, deleteVariant, updateVariant } from '@souk/core/catalog/change-variants.ts'
import { once } from '@souk/core/idempotency/idempotency.ts'
import { assertCurrency } from '@souk/core/merchant/settings.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { sendStored } from '../stored-answer.ts'
import { idSchema } from '../wire/id.ts'
import {
  currenciesIn,
  newVariantSchema,
  presentVariant,
  readVariant,
  readVariantChanges,
  staffVariantSchema,
  variantChangesSchema,
} from '../wire/product.ts'

const ofProduct = z.strictObject({ product_id: idSchema })
const params = z.strictObject({ variant_id: idSchema })

/** The variants of a product. */
export function staffVariantRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/v1/admin/products/:product_id/variants',
    {
      config: { gate: 'staff', scopes: ['catalog:write'], addsRows: true, idempotency: 'accepted', summary: 'Add a variant' },
      schema: { params: ofProduct, body: newVariantSchema, response: { 201: staffVariantSchema } },
    },
    async (request, reply) => {
      const { body, principal, now, idempotency } = request
      const answer = await request.inMerchant((tx) =>
        once(tx, idempotency, async () => {
          await assertCurrency(
            tx,
            currenciesIn([body], () => ''),
          )
          const added = await addVariant(tx, request.params.product_id, readVariant(body), { actor: principal.actor, now })
          return { statusCode: 201, body: JSON.stringify(presentVariant(added.variant, added.product.currency)) }
        }),
      )
      return sendStored(reply, answer)
    },
  )

  app.patch(
    '/v1/admin/variants/:variant_id',
    {
      config: { gate: 'staff', scopes: ['catalog:write'], summary: 'Change a variant' },
      schema: { params, body: variantChangesSchema, response: { 200: staffVariantSchema } },
    },
    async ({ inMerchant, params: { variant_id }, body, principal: { actor }, now }) => {
      const { variant, product } = await inMerchant(async (tx) => {
        await assertCurrency(
          tx,
          currenciesIn([body], () => ''),
        )
        return updateVariant(tx, variant_id, readVariantChanges(body), { actor, now })
      })
      return presentVariant(variant, product.currency)
    },
  )

  app.delete(
    '/v1/admin/variants/:variant_id',
    { config: { gate: 'staff', scopes: ['catalog:write'], summary: 'Delete a variant' }, schema: { params, response: { 204: z.null() } } },
    async ({ inMerchant, params: { variant_id }, principal: { actor }, now }, reply) => {
      await inMerchant((tx) => deleteVariant(tx, variant_id, { actor, now }))
      return reply.code(204).send(null)
    },
  )
}
