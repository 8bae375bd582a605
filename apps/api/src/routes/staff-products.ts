import { openCursor, sealCursor, type TokenKeys } from '@souk/core/capability.ts'
import { createProduct } from '@souk/core/catalog/create-product.ts'
import { deleteProduct } from '@souk/core/catalog/delete-product.ts'
import { listProducts } from '@souk/core/catalog/list-products.ts'
import { getProduct } from '@souk/core/catalog/product.ts'
import { updateProduct } from '@souk/core/catalog/update-product.ts'
import { once } from '@souk/core/idempotency/idempotency.ts'
import { assertCurrency } from '@souk/core/merchant/settings.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { sendStored } from '../stored-answer.ts'
import { idSchema } from '../wire/id.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import {
  currenciesIn,
  newProductSchema,
  presentProduct,
  productChangesSchema,
  readProductFields,
  readVariant,
  staffProductSchema,
} from '../wire/product.ts'

const params = z.strictObject({ product_id: idSchema })

/** The catalogue as staff keep it. */
export function staffProductRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/products',
    {
      config: { gate: 'staff', scopes: ['catalog:read'], summary: 'List products in any state, the newest first' },
      schema: { querystring: z.strictObject(pageQuery), response: { 200: pageOf(staffProductSchema) } },
    },
    async ({ inMerchant, query: { limit, cursor } }) => {
      const scope = { merchantId: inMerchant.merchant.id, query: 'staff-products' }
      const [after] = cursor === undefined ? [] : openCursor(keys, scope, cursor)
      const { products, next } = await inMerchant.read((tx) => listProducts(tx, { limit, after }))
      return { data: products.map(presentProduct), next_cursor: next && sealCursor(keys, scope, [next]) }
    },
  )

  app.post(
    '/v1/admin/products',
    {
      config: {
        gate: 'staff',
        scopes: ['catalog:write'],
        addsRows: true,
        idempotency: 'accepted',
        summary: 'Create a product with its variants',
      },
      schema: { body: newProductSchema, response: { 201: staffProductSchema } },
    },
    async (request, reply) => {
      const { body, principal, now, idempotency } = request
      const input = { ...readProductFields(body), title: body.title, variants: body.variants.map(readVariant) }
      const currencies = currenciesIn(body.variants, (index) => `/variants/${index}`)
      const answer = await request.inMerchant((tx) =>
        once(tx, idempotency, async () => {
          await assertCurrency(tx, currencies)
          const product = await createProduct(tx, input, { actor: principal.actor, now })
          return { statusCode: 201, body: JSON.stringify(presentProduct(product)) }
        }),
      )
      return sendStored(reply, answer)
    },
  )

  app.get(
    '/v1/admin/products/:product_id',
    {
      config: { gate: 'staff', scopes: ['catalog:read'], summary: 'Read a product' },
      schema: { params, response: { 200: staffProductSchema } },
    },
    async ({ inMerchant, params: { product_id } }) => presentProduct(await inMerchant.read((tx) => getProduct(tx, product_id))),
  )

  app.patch(
    '/v1/admin/products/:product_id',
    {
      config: { gate: 'staff', scopes: ['catalog:write'], summary: 'Change a product' },
      schema: { params, body: productChangesSchema, response: { 200: staffProductSchema } },
    },
    async ({ inMerchant, params: { product_id }, body, principal: { actor }, now }) => {
      const changes = { ...readProductFields(body), title: body.title }
      return presentProduct(await inMerchant((tx) => updateProduct(tx, product_id, changes, { actor, now })))
    },
  )

  app.delete(
    '/v1/admin/products/:product_id',
    { config: { gate: 'staff', scopes: ['catalog:write'], summary: 'Delete a product' }, schema: { params, response: { 204: z.null() } } },
    async ({ inMerchant, params: { product_id }, principal: { actor }, now }, reply) => {
      await inMerchant((tx) => deleteProduct(tx, product_id, { actor, now }))
      return reply.code(204).send(null)
    },
  )
}
