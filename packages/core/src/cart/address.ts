/** A postal address as buyers write it. `country` is ISO 3166-1 alpha-2; what a country does not use is left out. */
export interface Address {
  name: string
  company?: string | undefined
  line1: string
  line2?: string | undefined
  city: string
  region?: string | undefined
  postcode?: string | undefined
  country: string
  phone?: string | undefined
}
