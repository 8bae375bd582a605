import { isInForce } from './local-day.ts'
import type { TaxQuestion } from './resolve-taxes.ts'
import type { TaxPlace } from './tax-place.ts'
import type { TaxExemption, TaxTable } from './tax-table.ts'

/** Why goods of a category are exempt for this customer at a place, in words; undefined if they are not. */
export type ExemptionOf = (category: string) => string | undefined

/** A customer's exemptions: of the customer, of a group, or by certificates that hold at the place and on the day. */
export function exemptionsOf(table: TaxTable, customer: TaxQuestion['customer'], place: TaxPlace, day: string): ExemptionOf {
  if (!customer) return () => undefined
  if (customer.taxExempt) return () => 'the customer is exempt'
  const group = customer.groups.find((handle) => table.exempt_groups.includes(handle))
  if (group !== undefined) return () => `customers of the group ${group} are exempt`
  const held = table.exemptions.filter((exemption) => holds(exemption, customer) && isInForce(day, exemption) && reaches(exemption, place))
  return (category) => {
    const exemption = held.find((each) => each.category === null || each.category === category)
    return exemption && `certificate ${exemption.certificate}`
  }
}

function holds(exemption: TaxExemption, customer: NonNullable<TaxQuestion['customer']>): boolean {
  if (exemption.customer_id !== null) return exemption.customer_id === customer.id
  return exemption.customer_group !== null && customer.groups.includes(exemption.customer_group)
}

function reaches({ country, region }: TaxExemption, place: TaxPlace): boolean {
  if (country === '*') return true
  return place.countries.some(({ code }) => code === country) && (region === null || place.regions.includes(region))
}
