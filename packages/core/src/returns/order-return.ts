export const RETURN_STATUSES = ['requested', 'approved', 'rejected', 'received', 'cancelled'] as const
export type ReturnStatus = (typeof RETURN_STATUSES)[number]

export const RETURN_REASONS = ['unwanted', 'wrong_item', 'damaged', 'defective', 'not_as_described', 'undeliverable', 'other'] as const
export type ReturnReason = (typeof RETURN_REASONS)[number]

/** Restocked goods are for sale again; damaged ones came back and are not; missing ones did not come. */
export const INSPECTION_DECISIONS = ['restock', 'damaged', 'missing'] as const
export type InspectionDecision = (typeof INSPECTION_DECISIONS)[number]
