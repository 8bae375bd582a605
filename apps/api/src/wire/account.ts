import {
  ADDRESSES_PER_CUSTOMER_MAX,
  DEVICE_GRAPHEMES_MAX,
  REQUEST_HOURS,
  SESSION_DAYS_MAX,
  SESSION_IDLE_DAYS,
} from '@souk/core/customers/account-limits.ts'
import type { SavedAddress } from '@souk/core/customers/addresses.ts'
import type { Customer } from '@souk/core/customers/customer.ts'
import { CUSTOMER_NAME_GRAPHEMES_MAX } from '@souk/core/customers/limits.ts'
import type { Session, SignedIn } from '@souk/core/customers/sessions.ts'
import { z } from 'zod'
import { newPassword, signInBody } from '../routes/sign-in.ts'
import type { AccessTokens } from '../tokens.ts'
import { addressSchema } from './address.ts'
import { localeSchema } from './customer.ts'
import { idSchema } from './id.ts'
import { emailSchema, textSchema } from './text.ts'
import { timeSchema } from './time.ts'

const TOKEN_LENGTH_MAX = 1_000

const mailedToken = z
  .string()
  .min(1)
  .max(TOKEN_LENGTH_MAX)
  .meta({ description: `From the mail, good for ${REQUEST_HOURS} hours and once.` })
const device = textSchema(DEVICE_GRAPHEMES_MAX).optional().meta({ description: 'What the list of sessions calls it: “Firefox on Linux”.' })

export const registrationSchema = z.strictObject({
  email: emailSchema,
  password: newPassword,
  name: textSchema(CUSTOMER_NAME_GRAPHEMES_MAX).optional(),
  locale: localeSchema.nullable().optional(),
})
export const verificationSchema = z.strictObject({ token: mailedToken, password: signInBody.shape.password, device })
export const customerSignInSchema = signInBody.extend({ device })
export const refreshSchema = z.strictObject({ refresh_token: z.string().min(1).max(TOKEN_LENGTH_MAX) })
export const resetRequestSchema = z.strictObject({ email: emailSchema })
export const resetSchema = z.strictObject({ token: mailedToken, new_password: newPassword })
export const passwordChangeSchema = z.strictObject({ password: signInBody.shape.password, new_password: newPassword })
export const emailChangeSchema = z.strictObject({ password: signInBody.shape.password, email: emailSchema })
export const tokenSchema = z.strictObject({ token: mailedToken })
export const ownErasureSchema = z.strictObject({
  password: signInBody.shape.password,
  forfeit_store_credit: z.boolean().default(false),
})

/** The same answer whatever is known of the address. */
export const acceptedSchema = z
  .strictObject({ status: z.literal('accepted') })
  .meta({ description: 'If there is something to do, it was mailed. The answer does not tell.' })
export const ACCEPTED = { status: 'accepted' } as const

export const sessionSchema = z
  .strictObject({
    access_token: z.string(),
    token_type: z.literal('Bearer'),
    expires_in: z.int().meta({ description: 'Seconds' }),
    refresh_token: z.string().meta({
      description: `Good once, within ${SESSION_IDLE_DAYS} days, and for ${SESSION_DAYS_MAX} days after the sign-in. Used again it ends the session.`,
    }),
    refresh_expires_at: timeSchema,
    customer_id: idSchema,
    session_id: idSchema,
  })
  .meta({ id: 'CustomerSession' })

export function presentSession(
  signedIn: SignedIn,
  given: { tokens: AccessTokens; merchantId: string; now: Date },
): z.input<typeof sessionSchema> {
  const { customerId, sessionId, refreshToken, expiresAt } = signedIn
  return {
    ...given.tokens.issue({ customersOf: given.merchantId }, customerId, given.now, sessionId),
    refresh_token: refreshToken,
    refresh_expires_at: expiresAt.toISOString(),
    customer_id: customerId,
    session_id: sessionId,
  }
}

export const deviceSchema = z.strictObject({
  id: idSchema,
  device: z.string(),
  is_current: z.boolean(),
  created_at: timeSchema,
  refreshed_at: timeSchema,
  expires_at: timeSchema,
})

export function presentDevice(session: Session, currentId: string): z.input<typeof deviceSchema> {
  return {
    id: session.id,
    device: session.device,
    is_current: session.id === currentId,
    created_at: session.createdAt.toISOString(),
    refreshed_at: session.refreshedAt.toISOString(),
    expires_at: session.expiresAt.toISOString(),
  }
}

export const profileSchema = z
  .strictObject({
    id: idSchema,
    email: z.string(),
    name: z.string(),
    locale: z.string().nullable(),
    vat_id: z.string().nullable(),
    orders_count: z.int(),
    created_at: timeSchema,
  })
  .meta({ id: 'CustomerProfile' })
export const profileChangesSchema = z.strictObject({
  name: textSchema(CUSTOMER_NAME_GRAPHEMES_MAX).optional(),
  locale: localeSchema.nullable().optional(),
})

export function presentProfile(customer: Customer): z.input<typeof profileSchema> {
  return {
    id: customer.id,
    email: customer.email,
    name: customer.name,
    locale: customer.locale,
    vat_id: customer.vatId,
    orders_count: Number(customer.ordersCount),
    created_at: customer.createdAt.toISOString(),
  }
}

const defaults = { default_shipping: z.boolean().optional(), default_billing: z.boolean().optional() }
export const newSavedAddressSchema = z.strictObject({ address: addressSchema, ...defaults })
export const savedAddressChangesSchema = z.strictObject({ address: addressSchema.optional(), ...defaults })
export const savedAddressSchema = z
  .strictObject({ id: idSchema, address: addressSchema, default_shipping: z.boolean(), default_billing: z.boolean() })
  .meta({ id: 'SavedAddress' })
export const savedAddressesSchema = z.strictObject({ data: z.array(savedAddressSchema).max(ADDRESSES_PER_CUSTOMER_MAX) })

export function presentSavedAddress(saved: SavedAddress): z.input<typeof savedAddressSchema> {
  return {
    id: saved.id,
    address: saved.address as z.input<typeof addressSchema>,
    default_shipping: saved.defaultShipping,
    default_billing: saved.defaultBilling,
  }
}

export const exportSchema = z
  .looseObject({ exported_at: timeSchema, is_complete: z.boolean() })
  .meta({ description: 'All that the shop knows of the customer. Amounts are minor units of the currency beside them.' })
