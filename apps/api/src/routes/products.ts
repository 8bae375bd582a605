import { openCursor, sealCursor, type TokenKeys } from '@souk/core/capability.ts'
import { type ListedCollection, listedCollections } from '@souk/core/storefront/list-collections.ts'
import { FIRST_PAGE, listedInCollection, listedProducts, toPage } from '@souk/core/storefront/list-products.ts'
import { productByHandle, toStoreProduct } from '@souk/core/storefront/product-by-handle.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { handleSchema } from '../wire/id.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { listedProductSchema, presentListed, presentStoreProduct, storeProductSchema } from '../wire/store-product.ts'

const listQuery = z.strictObject({ ...pageQuery, collection: handleSchema.optional() })
const collectionsSchema = z.strictObject({ data: z.array(z.strictObject({ handle: z.string(), title: z.string() })) })

/** What a shop sells, as everybody sees it. */
export function productRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/products',
    {
      config: { gate: 'store', summary: 'List what is for sale, the newest first' },
      schema: { querystring: listQuery, response: { 200: pageOf(listedProductSchema) } },
    },
    async (request) => {
      const { limit, cursor, collection } = request.query
      const scope = { merchantId: request.inMerchant.merchant.id, query: collection === undefined ? 'products' : `products|${collection}` }
      const [after = FIRST_PAGE] = cursor === undefined ? [] : openCursor(keys, scope, cursor)
      const rows = await request.inMerchant.readOne((door) =>
        collection === undefined ? listedProducts(door, { limit, after }) : listedInCollection(door, { collection, limit, after }),
      )
      const { products, next } = toPage(rows, limit)
      return { data: products.map(presentListed), next_cursor: next === null ? null : sealCursor(keys, scope, [next]) }
    },
  )

  app.get(
    '/v1/collections',
    {
      config: { gate: 'store', summary: 'The collections that have something for sale' },
      schema: { response: { 200: collectionsSchema } },
    },
    async ({ inMerchant }) => {
      const [rows] = await inMerchant.readOnce((tx) => [listedCollections(tx)])
      return { data: rows as unknown as ListedCollection[] }
    },
  )

  app.get(
    '/v1/products/:handle',
    {
      config: { gate: 'store', summary: 'A product, its variants and what can be bought of them' },
      schema: { params: z.strictObject({ handle: handleSchema }), response: { 200: storeProductSchema } },
    },
    async (request) =>
      presentStoreProduct(toStoreProduct(await request.inMerchant.readOne((door) => productByHandle(door, request.params.handle)))),
  )
}
