import { isInForce } from './local-day.ts'
import type { TaxQuestion, TaxTreatment } from './resolve-taxes.ts'
import { memberStateOfVatId, NORTHERN_IRELAND, type TaxPlace } from './tax-place.ts'
import type { TaxTable } from './tax-table.ts'

/** Where a cart is taxed: `at` a place, or nowhere. `elseHome`: at home if there is no rate at all for that place. */
export interface TaxDecision {
  treatment: TaxTreatment
  note: string
  at: TaxPlace | null
  elseHome: boolean
}

export interface TaxCircumstances {
  table: TaxTable
  home: TaxPlace
  /** Null while nobody knows. */
  to: TaxPlace | null
  customer: TaxQuestion['customer']
  day: string
}

/** Which country's tax is due, if any, before exemptions and before any rate is looked at. */
export function decideTax(circumstances: TaxCircumstances): TaxDecision {
  const { home, to } = circumstances
  if (to === null) return { treatment: 'domestic', note: `No address yet: taxed as in ${home.name}.`, at: home, elseHome: false }
  if (home.memberState !== null && to.memberState !== null && home.memberState !== to.memberState)
    return betweenMemberStates(circumstances, to, home.memberState, to.memberState)
  if (!isCollectedAt(circumstances, to)) return notTaxed(home, to)
  const treatment = isAbroad(home, to) ? 'destination' : 'domestic'
  return { treatment, note: `Taxed in ${to.name}.`, at: to, elseHome: false }
}

/** What is said of a place where nothing is charged. */
export function notTaxed(home: TaxPlace, to: TaxPlace): TaxDecision {
  if (!isAbroad(home, to)) return { treatment: 'none', note: `No tax is collected in ${to.name}.`, at: null, elseHome: false }
  const note =
    home.memberState === null
      ? `No tax is collected in ${to.name}.`
      : to.outside
        ? `Export: goods to ${to.outside.name} leave the EU's VAT area (${to.outside.law}).`
        : `Export to ${to.name}: exempt from VAT (Art. 146 of Directive 2006/112/EC).`
  return { treatment: 'export', note, at: null, elseHome: false }
}

function betweenMemberStates(circumstances: TaxCircumstances, to: TaxPlace, origin: string, destination: string): TaxDecision {
  const { table, home, customer, day } = circumstances
  const vatId = customer?.vatId
  const issuer = vatId?.valid ? memberStateOfVatId(vatId.country) : null
  if (table.reverse_charge && vatId && issuer !== null && issuer !== origin) {
    const law = `Art. 138 (goods) and Art. 196 (services) of Directive 2006/112/EC`
    return { treatment: 'reverse_charge', note: `Reverse charge: VAT id ${vatIdText(vatId)}, ${law}.`, at: null, elseHome: false }
  }
  const registered = table.registrations.some((entry) => entry.country === addressOf(destination) && isInForce(day, entry))
  if (registered) return { treatment: 'destination', note: `Taxed in ${to.name}, where the seller is registered.`, at: to, elseHome: true }
  const { mode, from } = table.distance_sales
  if (mode === 'destination' && (from === null || from <= day))
    return {
      treatment: 'destination',
      note: `Distance sale: taxed in ${to.name} (Art. 33(a) of Directive 2006/112/EC).`,
      at: to,
      elseHome: true,
    }
  const note = `Distance sale to ${to.name} below the threshold: taxed in ${home.name} (Art. 59c of Directive 2006/112/EC).`
  return { treatment: 'domestic', note, at: home, elseHome: false }
}

/** Whether the seller collects tax in a place. At home it does, unless its registrations name regions of its own country. */
function isCollectedAt({ table, home, day }: TaxCircumstances, to: TaxPlace): boolean {
  if (table.collects === 'rates') return true
  const countries = to.countries.map(({ code }) => code)
  const there = table.registrations.filter(({ country }) => countries.includes(country))
  if (there.length === 0) return !isAbroad(home, to)
  return there.some((entry) => (entry.region === null || to.regions.includes(entry.region)) && isInForce(day, entry))
}

/** Another country, or a part of the same one that its taxes do not reach. */
export function isAbroad(home: TaxPlace, to: TaxPlace): boolean {
  return home.country !== to.country || home.outside?.name !== to.outside?.name
}

/** The ISO code under which a member state's addresses and rates are kept. */
function addressOf(memberState: string): string {
  return memberState === NORTHERN_IRELAND ? 'GB' : memberState
}

function vatIdText({ country, number }: { country: string; number: string }): string {
  return /^[A-Z]{2}/.test(number) ? number : `${country === 'GR' ? 'EL' : country}${number}`
}
