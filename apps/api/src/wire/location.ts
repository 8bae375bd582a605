import { BUNDLE_COMPONENTS_MAX, COMPONENT_QUANTITY_MAX, type Component } from '@souk/core/stock/bundles.ts'
import { LOCATION_NAME_MAX, LOCATION_PRIORITY_MAX, type Location } from '@souk/core/stock/locations.ts'
import {
  CART_RESERVATION_MINUTES_MAX,
  PAYMENT_RESERVATION_MINUTES_MAX,
  type ReservationSettings,
} from '@souk/core/stock/reservation-settings.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { textSchema } from './text.ts'
import { timeSchema } from './time.ts'

const prioritySchema = z
  .number()
  .int('quantity_out_of_range')
  .min(-LOCATION_PRIORITY_MAX, 'quantity_out_of_range')
  .max(LOCATION_PRIORITY_MAX, 'quantity_out_of_range')
  .meta({ description: 'The highest serves orders first.' })

export const locationSchema = z
  .strictObject({
    id: idSchema,
    name: z.string(),
    priority: z.int(),
    active: z.boolean().meta({ description: 'Whether orders are served from it.' }),
    default: z.boolean(),
    created_at: timeSchema,
  })
  .meta({ id: 'Location' })

export const newLocationSchema = z.strictObject({
  name: textSchema(LOCATION_NAME_MAX),
  priority: prioritySchema.default(0),
  active: z.boolean().default(true),
})

export const locationChangesSchema = z.strictObject({
  name: textSchema(LOCATION_NAME_MAX).optional(),
  priority: prioritySchema.optional(),
  active: z.boolean().optional(),
})

/** A location as staff see it. */
export function presentLocation(location: Location): z.input<typeof locationSchema> {
  return {
    id: location.id,
    name: location.name,
    priority: location.priority,
    active: location.active,
    default: location.isDefault,
    created_at: location.createdAt.toISOString(),
  }
}

const componentSchema = z.strictObject({
  variant_id: idSchema,
  quantity: z
    .number()
    .int('quantity_out_of_range')
    .min(1, 'quantity_out_of_range')
    .max(COMPONENT_QUANTITY_MAX, 'quantity_out_of_range')
    .meta({ description: 'Units in one unit of the bundle.' }),
})

export const bundleSchema = z
  .strictObject({
    components: z.array(componentSchema).max(BUNDLE_COMPONENTS_MAX, 'too_many').meta({ description: 'None: it is no bundle.' }),
  })
  .meta({ id: 'Bundle' })

export function presentBundle(components: readonly Component[]): z.input<typeof bundleSchema> {
  return { components: components.map(({ variantId, quantity }) => ({ variant_id: variantId, quantity: Number(quantity) })) }
}

export function toComponents({ components }: z.output<typeof bundleSchema>): Component[] {
  return components.map(({ variant_id, quantity }) => ({ variantId: variant_id, quantity: BigInt(quantity) }))
}

const minutesSchema = (max: number) =>
  z.number().int('quantity_out_of_range').min(1, 'quantity_out_of_range').max(max, 'quantity_out_of_range')

export const reservationSettingsSchema = z
  .strictObject({
    reserve_in_cart: z.boolean().meta({ description: 'Whether what is put into a cart is kept for it.' }),
    cart_minutes: minutesSchema(CART_RESERVATION_MINUTES_MAX),
    payment_minutes: minutesSchema(PAYMENT_RESERVATION_MINUTES_MAX).meta({ description: 'From the start of a payment on.' }),
  })
  .meta({ id: 'ReservationSettings' })

export const reservationChangesSchema = reservationSettingsSchema.partial().meta({ id: 'ReservationSettingsChanges' })

export function presentReservationSettings(settings: ReservationSettings): z.input<typeof reservationSettingsSchema> {
  return { reserve_in_cart: settings.reserveInCart, cart_minutes: settings.cartMinutes, payment_minutes: settings.paymentMinutes }
}
