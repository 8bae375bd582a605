import { inPostcodeRange, normalPostcode } from '../taxes/postcode.ts'
import { regionChain } from '../taxes/region.ts'

/** Where something is sent. `region` is an ISO 3166-2 code with or without its country, or a region's name. */
export interface ShippingDestination {
  country: string
  region: string | null
  postcode: string | null
}

/** A destination in the form places are compared in. */
export interface ShippingPlace {
  country: string
  regions: readonly string[]
  postcode: string
}

interface PlaceRule {
  country: string
  region: string | null
  postcode_from: string | null
  postcode_to: string | null
}

/** How much a rule for a place says: postcodes more than a region, a region more than a country, a country more than `*`. */
export type Nearness = 0 | 1 | 2 | 3

export function shippingPlaceOf({ country, region, postcode }: ShippingDestination): ShippingPlace {
  return {
    country,
    regions: region === null ? [] : regionChain(country, region),
    postcode: postcode === null ? '' : normalPostcode(postcode),
  }
}

/** How much a rule that fits the place says; undefined for one that does not fit. */
export function nearness(rule: PlaceRule, place: ShippingPlace): Nearness | undefined {
  if (rule.country !== '*' && rule.country !== place.country) return undefined
  if (rule.region !== null && !place.regions.includes(rule.region)) return undefined
  if (rule.postcode_from !== null && rule.postcode_to !== null)
    return inPostcodeRange(place.postcode, rule.postcode_from, rule.postcode_to) ? 3 : undefined
  return rule.region !== null ? 2 : rule.country === '*' ? 0 : 1
}
