import { openCursor, sealCursor, type TokenKeys } from '@souk/core/capability.ts'
import { FIRST_PAGE, listedProducts, toPage } from '@souk/core/storefront/list-products.ts'
import { productByHandle, toStoreProduct } from '@souk/core/storefront/product-by-handle.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { handleSchema } from '../wire/id.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { listedProductSchema, presentListed, presentStoreProduct, storeProductSchema } from '../wire/store-product.ts'

/** What a shop sells, as everybody sees it. */
export function productRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/products',
    {
      config: { gate: 'store', summary: 'List what is for sale, the newest first' },
      schema: { querystring: z.strictObject(pageQuery), response: { 200: pageOf(listedProductSchema) } },
    },
    async (request) => {
      const { limit, cursor } = request.query
      const scope = { merchantId: request.inMerchant.merchant.id, query: 'products' }
      const [after = FIRST_PAGE] = cursor === undefined ? [] : openCursor(keys, scope, cursor)
      const rows = await request.inMerchant.readOne((door) => listedProducts(door, { limit, after }))
      const { products, next } = toPage(rows, limit)
      return { data: products.map(presentListed), next_cursor: next === null ? null : sealCursor(keys, scope, [next]) }
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
