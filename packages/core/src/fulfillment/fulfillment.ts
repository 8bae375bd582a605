/** When an order's goods are put on the list of what to pick: when it is placed, when it is paid, or when staff say so. */
export const OPENS_ON = ['placed', 'paid', 'staff'] as const
export type OpensOn = (typeof OPENS_ON)[number]

export const FULFILLMENT_STEPS = ['to_pick', 'picking', 'packed', 'shipped', 'delivered', 'cancelled'] as const
export type FulfillmentStatus = (typeof FULFILLMENT_STEPS)[number]
