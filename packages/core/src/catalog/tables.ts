import { bigint, boolean, foreignKey, integer, pgTable, primaryKey, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core'

export type ProductStatus = 'draft' | 'active' | 'archived'

export const products = pgTable(
  'product',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    handle: text('handle').notNull(),
    title: text('title').notNull(),
    bodyHtml: text('body_html').notNull().default(''),
    vendor: text('vendor').notNull().default(''),
    productType: text('product_type').notNull().default(''),
    tags: text('tags').array().notNull().default([]),
    collections: text('collections').array().notNull().default([]),
    optionNames: text('option_names').array().notNull(),
    status: text('status').notNull().$type<ProductStatus>(),
    published: boolean('published').notNull(),
    priceMin: bigint('price_min', { mode: 'bigint' }).notNull().default(0n),
    priceMax: bigint('price_max', { mode: 'bigint' }).notNull().default(0n),
    compareAtPrice: bigint('compare_at_price', { mode: 'bigint' }),
    imageUrl: text('image_url'),
    imageAlt: text('image_alt'),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] }), unique().on(table.merchantId, table.handle)],
)

export const productImages = pgTable(
  'product_image',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    productId: uuid('product_id').notNull(),
    position: integer('position').notNull(),
    url: text('url').notNull(),
    alt: text('alt').notNull().default(''),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    unique().on(table.merchantId, table.productId, table.position),
    foreignKey({ columns: [table.merchantId, table.productId], foreignColumns: [products.merchantId, products.id] }).onDelete('cascade'),
  ],
)

export const variants = pgTable(
  'variant',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    productId: uuid('product_id').notNull(),
    position: integer('position').notNull(),
    title: text('title').notNull(),
    sku: text('sku').notNull().default(''),
    barcode: text('barcode').notNull().default(''),
    optionValues: text('option_values').array().notNull(),
    price: bigint('price', { mode: 'bigint' }).notNull(),
    compareAtPrice: bigint('compare_at_price', { mode: 'bigint' }),
    grams: bigint('grams', { mode: 'bigint' }).notNull().default(0n),
    requiresShipping: boolean('requires_shipping').notNull().default(true),
    taxable: boolean('taxable').notNull().default(true),
    taxCategory: text('tax_category'),
    minimumPrice: bigint('minimum_price', { mode: 'bigint' }),
    imageUrl: text('image_url'),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    unique().on(table.merchantId, table.productId, table.optionValues),
    foreignKey({ columns: [table.merchantId, table.productId], foreignColumns: [products.merchantId, products.id] }).onDelete('cascade'),
  ],
)

export const collections = pgTable(
  'collection',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    handle: text('handle').notNull(),
    title: text('title').notNull(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] }), unique().on(table.merchantId, table.handle)],
)

export const collectionProducts = pgTable(
  'collection_product',
  {
    merchantId: uuid('merchant_id').notNull(),
    collectionId: uuid('collection_id').notNull(),
    productId: uuid('product_id').notNull(),
    addedAt: timestamp('added_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.collectionId, table.productId] }),
    foreignKey({
      columns: [table.merchantId, table.collectionId],
      foreignColumns: [collections.merchantId, collections.id],
    }).onDelete('cascade'),
    foreignKey({ columns: [table.merchantId, table.productId], foreignColumns: [products.merchantId, products.id] }).onDelete('cascade'),
  ],
)
