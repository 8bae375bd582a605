import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Refusal } from '@souk/core/refusal.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'

const MEDIA_TYPES: Record<string, string> = {
  svg: 'image/svg+xml',
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  avif: 'image/avif',
  gif: 'image/gif',
}

const params = z.strictObject({ file: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,200}\.(svg|png|jpe?g|webp|avif|gif)$/i, 'invalid_id') })

/** Images out of a folder, one subfolder a merchant. For a shop that has them nowhere else, such as the demo. */
export function mediaRoutes(fastify: FastifyInstance, folder: string): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/media/:file',
    {
      config: { gate: 'store', summary: 'An image of the shop' },
      schema: { params, response: { 200: z.any().meta({ description: 'An image' }) } },
    },
    async (request, reply) => {
      const path = join(folder, request.inMerchant.merchant.slug, request.params.file)
      const found = await stat(path).catch(() => undefined)
      if (!found?.isFile()) throw new Refusal('not_found')
      return reply
        .type(MEDIA_TYPES[path.slice(path.lastIndexOf('.') + 1).toLowerCase()]!)
        .headers({
          'content-length': found.size,
          'cache-control': 'public, max-age=86400',
          // A drawing may carry a script; opened by itself it gets to run nothing.
          'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
          'x-content-type-options': 'nosniff',
        })
        .send(createReadStream(path)) as never
    },
  )
}
