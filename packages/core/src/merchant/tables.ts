import { bigint, boolean, foreignKey, integer, pgTable, primaryKey, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core'
import type { RoundingMode } from '../money.ts'
import type { StaffRole } from './scopes.ts'

export const merchantSettings = pgTable('merchant_settings', {
  merchantId: uuid('merchant_id').primaryKey(),
  slug: text('slug').notNull(),
  name: text('name').notNull(),
  currency: text('currency').notNull(),
  country: text('country').notNull(),
  pricesIncludeTax: boolean('prices_include_tax').notNull(),
  taxRatePpm: bigint('tax_rate_ppm', { mode: 'bigint' }).notNull(),
  shippingName: text('shipping_name').notNull(),
  shippingAmount: bigint('shipping_amount', { mode: 'bigint' }).notNull(),
  contactEmail: text('contact_email').notNull(),
  defaultLocationId: uuid('default_location_id').notNull(),
  version: bigint('version', { mode: 'bigint' }).notNull().default(1n),
  pricingRevision: bigint('pricing_revision', { mode: 'bigint' }).notNull().default(1n),
  timeZone: text('time_zone').notNull().default('UTC'),
  rounding: text('rounding').notNull().default('half_up').$type<RoundingMode>(),
  discountRounding: text('discount_rounding').$type<RoundingMode>(),
  taxRoundedPer: text('tax_rounded_per').notNull().default('line').$type<'unit' | 'line' | 'order'>(),
  discounts: text('discounts').notNull().default('before_tax').$type<'before_tax' | 'after_tax'>(),
  foreignTax: text('foreign_tax').notNull().default('same_gross').$type<'same_gross' | 'same_net'>(),
  shippingMeasures: text('shipping_measures').notNull().default('list').$type<'list' | 'discounted'>(),
  vatIds: text('vat_ids').notNull().default('checked').$type<'checked' | 'well_formed'>(),
  reserveInCart: boolean('reserve_in_cart').notNull().default(false),
  cartReservationMinutes: integer('cart_reservation_minutes').notNull().default(60),
  paymentReservationMinutes: integer('payment_reservation_minutes').notNull().default(10),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
})

export const staff = pgTable(
  'staff',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    email: text('email').notNull(),
    name: text('name').notNull(),
    role: text('role').notNull().$type<StaffRole>(),
    passwordHash: text('password_hash'),
    passwordTokenHash: text('password_token_hash'),
    passwordTokenExpiresAt: timestamp('password_token_expires_at', { withTimezone: true }),
    tokensValidAfter: timestamp('tokens_valid_after', { withTimezone: true }).notNull().defaultNow(),
    disabledAt: timestamp('disabled_at', { withTimezone: true }),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] }), unique().on(table.merchantId, table.email)],
)

export const apiKeys = pgTable(
  'api_key',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    name: text('name').notNull(),
    secretHash: text('secret_hash').notNull(),
    scopes: text('scopes').array().notNull(),
    createdBy: uuid('created_by'),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    expiresAt: timestamp('expires_at', { withTimezone: true }),
    revokedAt: timestamp('revoked_at', { withTimezone: true }),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    foreignKey({ columns: [table.merchantId, table.createdBy], foreignColumns: [staff.merchantId, staff.id] }),
  ],
)
