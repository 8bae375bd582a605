import { openCursor, sealCursor, type TokenKeys } from '@souk/core/capability.ts'
import {
  addToCollection,
  createCollection,
  deleteCollection,
  getCollection,
  listCollections,
  listInCollection,
  removeFromCollection,
  renameCollection,
} from '@souk/core/catalog/collections.ts'
import { COLLECTION_ADDITIONS_MAX, TITLE_GRAPHEMES_MAX } from '@souk/core/catalog/limits.ts'
import { once } from '@souk/core/idempotency/idempotency.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { sendStored } from '../stored-answer.ts'
import { collectionSchema, presentCollection } from '../wire/collection.ts'
import { givenHandleSchema, idSchema } from '../wire/id.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { presentProduct, staffProductSchema } from '../wire/product.ts'
import { textSchema } from '../wire/text.ts'

const params = z.strictObject({ collection_id: idSchema })
const memberParams = z.strictObject({ collection_id: idSchema, product_id: idSchema })
const title = textSchema(TITLE_GRAPHEMES_MAX)

/** Collections of products, which rules and storefronts name by their handles. */
export function staffCollectionRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/collections',
    {
      config: { gate: 'staff', scopes: ['catalog:read'], summary: 'List the collections' },
      schema: { response: { 200: z.strictObject({ data: z.array(collectionSchema) }) } },
    },
    async ({ inMerchant }) => ({ data: (await inMerchant.read(listCollections)).map(presentCollection) }),
  )

  app.post(
    '/v1/admin/collections',
    {
      config: { gate: 'staff', scopes: ['catalog:write'], addsRows: true, idempotency: 'accepted', summary: 'Make a collection' },
      schema: { body: z.strictObject({ title, handle: givenHandleSchema.optional() }), response: { 201: collectionSchema } },
    },
    async ({ inMerchant, body, principal: { actor }, now, idempotency }, reply) => {
      const answer = await inMerchant((tx) =>
        once(tx, idempotency, async () => {
          const collection = await createCollection(tx, body, { actor, now })
          return { statusCode: 201, body: JSON.stringify(presentCollection(collection)) }
        }),
      )
      return sendStored(reply, answer)
    },
  )

  app.get(
    '/v1/admin/collections/:collection_id',
    {
      config: { gate: 'staff', scopes: ['catalog:read'], summary: 'Read a collection' },
      schema: { params, response: { 200: collectionSchema } },
    },
    async ({ inMerchant, params: { collection_id } }) => presentCollection(await inMerchant.read((tx) => getCollection(tx, collection_id))),
  )

  app.patch(
    '/v1/admin/collections/:collection_id',
    {
      config: { gate: 'staff', scopes: ['catalog:write'], summary: 'Give a collection another title' },
      schema: { params, body: z.strictObject({ title }), response: { 200: collectionSchema } },
    },
    async ({ inMerchant, params: { collection_id }, body, principal: { actor }, now }) =>
      presentCollection(await inMerchant((tx) => renameCollection(tx, collection_id, body.title, { actor, now }))),
  )

  app.delete(
    '/v1/admin/collections/:collection_id',
    {
      config: { gate: 'staff', scopes: ['catalog:write'], summary: 'Delete a collection; its products stay' },
      schema: { params, response: { 204: z.null() } },
    },
    async ({ inMerchant, params: { collection_id }, principal: { actor }, now }, reply) => {
      await inMerchant((tx) => deleteCollection(tx, collection_id, { actor, now }))
      return reply.code(204).send(null)
    },
  )

  memberRoutes(fastify, keys)
}

function memberRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/collections/:collection_id/products',
    {
      config: { gate: 'staff', scopes: ['catalog:read'], summary: 'List the products of a collection, the newest first' },
      schema: { params, querystring: z.strictObject(pageQuery), response: { 200: pageOf(staffProductSchema) } },
    },
    async ({ inMerchant, params: { collection_id }, query: { limit, cursor } }) => {
      const scope = { merchantId: inMerchant.merchant.id, query: `collection|${collection_id}` }
      const [after] = cursor === undefined ? [] : openCursor(keys, scope, cursor)
      const { products, next } = await inMerchant.read((tx) => listInCollection(tx, collection_id, { limit, after }))
      return { data: products.map(presentProduct), next_cursor: next && sealCursor(keys, scope, [next]) }
    },
  )

  app.post(
    '/v1/admin/collections/:collection_id/products',
    {
      config: { gate: 'staff', scopes: ['catalog:write'], addsRows: true, summary: 'Put products into a collection' },
      schema: {
        params,
        body: z.strictObject({ product_ids: z.array(idSchema).min(1).max(COLLECTION_ADDITIONS_MAX, 'too_many') }),
        response: { 200: collectionSchema },
      },
    },
    async ({ inMerchant, params: { collection_id: collectionId }, body: { product_ids: productIds }, principal: { actor }, now }) =>
      presentCollection(await inMerchant((tx) => addToCollection(tx, { collectionId, productIds }, { actor, now }))),
  )

  app.delete(
    '/v1/admin/collections/:collection_id/products/:product_id',
    {
      config: { gate: 'staff', scopes: ['catalog:write'], summary: 'Take a product out of a collection' },
      schema: { params: memberParams, response: { 204: z.null() } },
    },
    async ({ inMerchant, params: { collection_id: collectionId, product_id: productId }, principal: { actor }, now }, reply) => {
      await inMerchant((tx) => removeFromCollection(tx, { collectionId, productId }, { actor, now }))
      return reply.code(204).send(null)
    },
  )
}
