import { LOCKERS, nearestLockers } from './lockers.ts'

const SMALL_GRAMS_MAX = 5_000
const MEDIUM_GRAMS_MAX = 15_000
const LARGE_GRAMS_MAX = 25_000

export interface Prices {
  small: number
  medium: number
  large: number
  abroad: number
  home: string
  free_from: number
  lockers: number
}

export interface Parcel {
  grams: number
  /** What the goods cost after discounts. */
  subtotal: number
  country: string
  postcode: string
}

/** A rate for each locker near the address; none for a parcel that fits into none. */
export function lockerRates({ grams, subtotal, country, postcode }: Parcel, prices: Prices) {
  const carriage = carriageOf(grams, prices)
  if (carriage === undefined) return []
  const isFree = prices.free_from > 0 && subtotal >= prices.free_from
  const amount = isFree ? 0 : carriage + (country === prices.home ? 0 : prices.abroad)
  return nearestLockers(country, postcode, prices.lockers).map((locker) => ({
    code: `locker:${locker.id}`,
    name: `Locker ${locker.name}, ${locker.address}`,
    amount,
    delivery_days: country === prices.home ? { min: 1, max: 2 } : { min: 2, max: 4 },
    pickup_point: locker,
  }))
}

/** The locker that a rate's code names. */
export function lockerOf(method: string): string | undefined {
  return LOCKERS.find(({ id }) => method === `locker:${id}`)?.id
}

function carriageOf(grams: number, { small, medium, large }: Prices): number | undefined {
  if (grams <= SMALL_GRAMS_MAX) return small
  if (grams <= MEDIUM_GRAMS_MAX) return medium
  return grams <= LARGE_GRAMS_MAX ? large : undefined
}
