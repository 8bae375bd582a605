import type { Allocation } from '../stock/allocations.ts'

/** So much of an order's line, at a location. */
export interface PlannedLine {
  lineId: string
  variantId: string
  quantity: bigint
}

export interface OpenLine {
  id: string
  variantId: string
  /** What was ordered and has neither left the house nor is in a fulfillment. */
  uncovered: bigint
}

export interface Plan {
  /** What can be picked where, by location. */
  places: { locationId: string; lines: PlannedLine[] }[]
  /** Units that the order has nowhere. */
  unallocated: { lineId: string; quantity: bigint }[]
}

/**
 * Which lines to pick where: what is ordered and not in hand, from where the order has it allocated. Stock is allocated by
 * variant, so lines of the same variant share it, the first line first. Pure.
 */
export function planPicks(lines: readonly OpenLine[], free: readonly Allocation[]): Plan {
  const left = free.map((allocation) => ({ ...allocation }))
  const places = new Map<string, PlannedLine[]>()
  const unallocated: Plan['unallocated'] = []
  for (const line of lines) {
    let missing = line.uncovered
    for (const place of left) {
      if (place.variantId !== line.variantId) continue
      const quantity = least(place.quantity, missing)
      if (quantity <= 0n) continue
      place.quantity -= quantity
      missing -= quantity
      const there = places.get(place.locationId) ?? []
      there.push({ lineId: line.id, variantId: line.variantId, quantity })
      places.set(place.locationId, there)
    }
    if (missing > 0n) unallocated.push({ lineId: line.id, quantity: missing })
  }
  return { places: [...places].map(([locationId, planned]) => ({ locationId, lines: planned })), unallocated }
}

/** What of the allocations is in no fulfillment yet. */
export function freeOf(allocations: readonly Allocation[], inHand: readonly Allocation[]): Allocation[] {
  return allocations
    .map((one) => {
      const taken = inHand
        .filter((other) => other.variantId === one.variantId && other.locationId === one.locationId)
        .reduce((sum, other) => sum + other.quantity, 0n)
      return { ...one, quantity: one.quantity > taken ? one.quantity - taken : 0n }
    })
    .filter(({ quantity }) => quantity > 0n)
}

function least(one: bigint, other: bigint): bigint {
  return one < other ? one : other
}
