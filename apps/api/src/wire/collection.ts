import type { Collection } from '@souk/core/catalog/collections.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { timeSchema } from './time.ts'

export const collectionSchema = z
  .strictObject({
    id: idSchema,
    handle: z.string().meta({ description: 'What rules and storefronts call it.' }),
    title: z.string(),
    product_count: z.int(),
    created_at: timeSchema,
    updated_at: timeSchema,
  })
  .meta({ id: 'Collection' })

/** A collection as staff see it. */
export function presentCollection(collection: Collection): z.input<typeof collectionSchema> {
  return {
    id: collection.id,
    handle: collection.handle,
    title: collection.title,
    product_count: collection.productCount,
    created_at: collection.createdAt.toISOString(),
    updated_at: collection.updatedAt.toISOString(),
  }
}
