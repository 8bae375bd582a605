import { openCursor, sealCursor, type TokenKeys } from '@souk/core/capability.ts'
import { listStock } from '@souk/core/catalog/list-stock.ts'
import { once } from '@souk/core/idempotency/idempotency.ts'
import { adjustStock } from '@souk/core/stock/adjust.ts'
import { setTerms } from '@souk/core/stock/level-terms.ts'
import { listMovements } from '@souk/core/stock/list-movements.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { sendStored } from '../stored-answer.ts'
import { idSchema } from '../wire/id.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import {
  adjustmentSchema,
  levelSchema,
  movementSchema,
  namedLevelSchema,
  presentLevel,
  presentMovement,
  presentNamedLevel,
  termsSchema,
  toTerms,
} from '../wire/stock.ts'

const params = z.strictObject({ variant_id: idSchema })
/** Stock at the merchant's locations: levels, how they are sold, and the movements that made them. */
export function staffStockRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/stock',
    {
      config: { gate: 'staff', scopes: ['stock:read'], summary: 'List the stock levels of a location; of one SKU or variant if asked' },
      schema: {
        querystring: z.strictObject({
          ...pageQuery,
          sku: z.string().min(1).max(1_000).optional(),
          variant_id: idSchema.optional(),
          location_id: idSchema.optional(),
        }),
        response: { 200: pageOf(namedLevelSchema) },
      },
    },
    async ({ inMerchant, query: { limit, cursor, sku, variant_id, location_id } }) => {
      const scope = { merchantId: inMerchant.merchant.id, query: `stock|${JSON.stringify([sku, variant_id, location_id])}` }
      const [after] = cursor === undefined ? [] : openCursor(keys, scope, cursor)
      const { levels, next } = await inMerchant.read((tx) =>
        listStock(tx, { sku, variantId: variant_id, locationId: location_id }, { limit, after }),
      )
      return { data: levels.map(presentNamedLevel), next_cursor: next && sealCursor(keys, scope, [next]) }
    },
  )

  app.post(
    '/v1/admin/stock/:variant_id/adjustments',
    {
      config: { gate: 'staff', scopes: ['stock:write'], idempotency: 'required', summary: 'Change what is on hand' },
      schema: { params, body: adjustmentSchema, response: { 201: levelSchema } },
    },
    async (request, reply) => {
      const { body, principal, now, idempotency } = request
      const { change, reason: note, location_id: locationId } = body
      const adjustment = { variantId: request.params.variant_id, locationId, change, note, actor: principal.actor, now }
      const answer = await request.inMerchant((tx) =>
        once(tx, idempotency, async () => ({ statusCode: 201, body: JSON.stringify(presentLevel(await adjustStock(tx, adjustment))) })),
      )
      return sendStored(reply, answer)
    },
  )

  app.put(
    '/v1/admin/stock/:variant_id/terms',
    {
      config: { gate: 'staff', scopes: ['stock:write'], summary: 'Say how a variant is sold that is not there: on backorder, on preorder' },
      schema: { params, body: termsSchema, response: { 200: z.strictObject({ data: z.array(levelSchema) }) } },
    },
    async ({ inMerchant, principal: { actor }, params: { variant_id: variantId }, body, now }) => {
      const asked = { variantId, locationId: body.location_id, terms: toTerms(body) }
      return { data: (await inMerchant((tx) => setTerms(tx, asked, { actor, now }))).map(presentLevel) }
    },
  )

  app.get(
    '/v1/admin/stock/:variant_id/movements',
    {
      config: { gate: 'staff', scopes: ['stock:read'], summary: 'What moved a level, the newest first' },
      schema: { params, querystring: z.strictObject(pageQuery), response: { 200: pageOf(movementSchema) } },
    },
    async ({ inMerchant, params: { variant_id }, query: { limit, cursor } }) => {
      const scope = { merchantId: inMerchant.merchant.id, query: `movements|${variant_id}` }
      const [before] = cursor === undefined ? [] : openCursor(keys, scope, cursor)
      const rows = await inMerchant.read((tx) =>
        listMovements(tx, variant_id, { limit: limit + 1, ...(before !== undefined && { before }) }),
      )
      const shown = rows.slice(0, limit)
      const next = rows.length > limit ? sealCursor(keys, scope, [shown.at(-1)!.id]) : null
      return { data: shown.map(presentMovement), next_cursor: next }
    },
  )
}
