import { normalPostcode } from './postcode.ts'
import { regionChain } from './region.ts'
import type { TaxDestination } from './resolve-taxes.ts'

/** The member states of the European Union since 2020-02-01, by ISO 3166-1. */
export const EU_MEMBERS: ReadonlySet<string> = new Set(
  'AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK'.split(' '),
)

/** Northern Ireland: by the Windsor Framework, goods are taxed there as in a member state, under the prefix XI. */
export const NORTHERN_IRELAND = 'XI'

/** A part of a country that its taxes do not reach. Addresses name it by postcode, by region, or as a country of its own. */
interface Territory {
  name: string
  /** The country in whose addresses it appears. */
  country: string
  /** How its postcodes begin. */
  postcodes: readonly string[]
  /** Its ISO 3166-2 code there, if it has one. */
  region?: string
  /** Its own ISO 3166-1 code, if it has one. */
  code?: string
  law: string
}

const OUTSIDE_VAT = 'Art. 6(1) of Directive 2006/112/EC'
const OUTSIDE_CUSTOMS = 'Art. 6(2) of Directive 2006/112/EC'
const CHANNEL_ISLANDS = 'the Channel Islands have taxes of their own'

// The first that fits counts: Saint Barthélemy and Saint Martin have postcodes among those of Guadeloupe.
const OUTSIDE: readonly Territory[] = [
  { name: 'the Canary Islands', country: 'ES', postcodes: ['35', '38'], region: 'CN', law: OUTSIDE_VAT },
  { name: 'Ceuta', country: 'ES', postcodes: ['51'], region: 'CE', law: OUTSIDE_CUSTOMS },
  { name: 'Melilla', country: 'ES', postcodes: ['52'], region: 'ML', law: OUTSIDE_CUSTOMS },
  { name: 'Livigno', country: 'IT', postcodes: ['23041'], law: OUTSIDE_CUSTOMS },
  { name: "Campione d'Italia", country: 'IT', postcodes: ['22061'], law: OUTSIDE_VAT },
  { name: 'Büsingen', country: 'DE', postcodes: ['78266'], law: OUTSIDE_CUSTOMS },
  { name: 'Heligoland', country: 'DE', postcodes: ['27498'], law: OUTSIDE_CUSTOMS },
  { name: 'Mount Athos', country: 'GR', postcodes: ['63086', '63087'], region: '69', law: OUTSIDE_VAT },
  { name: 'the Åland Islands', country: 'FI', postcodes: ['22'], region: '01', code: 'AX', law: OUTSIDE_VAT },
  { name: 'Saint Barthélemy', country: 'FR', postcodes: ['97133', '977'], region: 'BL', code: 'BL', law: OUTSIDE_VAT },
  { name: 'Saint Martin', country: 'FR', postcodes: ['97150', '978'], region: 'MF', code: 'MF', law: OUTSIDE_VAT },
  { name: 'Guadeloupe', country: 'FR', postcodes: ['971'], region: '971', code: 'GP', law: OUTSIDE_VAT },
  { name: 'Martinique', country: 'FR', postcodes: ['972'], region: '972', code: 'MQ', law: OUTSIDE_VAT },
  { name: 'French Guiana', country: 'FR', postcodes: ['973'], region: '973', code: 'GF', law: OUTSIDE_VAT },
  { name: 'Réunion', country: 'FR', postcodes: ['974'], region: '974', code: 'RE', law: OUTSIDE_VAT },
  { name: 'Saint Pierre and Miquelon', country: 'FR', postcodes: ['975'], region: 'PM', code: 'PM', law: OUTSIDE_VAT },
  { name: 'Mayotte', country: 'FR', postcodes: ['976'], region: '976', code: 'YT', law: OUTSIDE_VAT },
  { name: 'Wallis and Futuna', country: 'FR', postcodes: ['986'], region: 'WF', code: 'WF', law: OUTSIDE_VAT },
  { name: 'French Polynesia', country: 'FR', postcodes: ['987'], region: 'PF', code: 'PF', law: OUTSIDE_VAT },
  { name: 'New Caledonia', country: 'FR', postcodes: ['988'], region: 'NC', code: 'NC', law: OUTSIDE_VAT },
  { name: 'Jersey', country: 'GB', postcodes: ['JE'], code: 'JE', law: CHANNEL_ISLANDS },
  { name: 'Guernsey', country: 'GB', postcodes: ['GY'], code: 'GG', law: CHANNEL_ISLANDS },
]

/** Countries that are taxed as if they were another (Art. 7 of Directive 2006/112/EC): Monaco as France, the Isle of Man as the United Kingdom. */
const TAXED_AS: Readonly<Record<string, string>> = { MC: 'FR', IM: 'GB' }

/** A destination as taxes see it. */
export interface TaxPlace {
  /** What people call it: FR, US-CA, the Canary Islands. */
  name: string
  country: string
  /** From the region itself to those around it. */
  regions: readonly string[]
  postcode: string
  /** The member state whose VAT is due there, XI for Northern Ireland; null outside the EU's VAT area. */
  memberState: string | null
  /** Why it lies outside its country's taxes; null if it does not. */
  outside: { name: string; law: string } | null
  /** Whose rates may fit, the nearest first. `whole: false`: only rates for a region or postcodes of that country. */
  countries: readonly { code: string; whole: boolean }[]
}

/** How a destination lies to the tax areas of the world. */
export function placeOf({ country, region, postcode }: TaxDestination): TaxPlace {
  const code = postcode === null ? '' : normalPostcode(postcode)
  const regions = region === null ? [] : regionChain(country, region)
  const place = { country, regions, postcode: code }
  const outside = OUTSIDE.find((territory) => territory.code === country || (territory.country === country && lies(place, territory)))
  if (outside) {
    const own = outside.code === undefined ? [] : [{ code: outside.code, whole: true }]
    const countries = [...own, { code: outside.country, whole: false }]
    return { ...place, name: outside.name, memberState: null, outside: { name: outside.name, law: outside.law }, countries }
  }
  const name = regions[0] === undefined ? country : `${country}-${regions[0]}`
  const taxedAs = TAXED_AS[country]
  const countries = [{ code: country, whole: true }, ...(taxedAs === undefined ? [] : [{ code: taxedAs, whole: true }])]
  return { ...place, name, memberState: memberStateOf(taxedAs ?? country, place), outside: null, countries }
}

/** The member state that gave out a VAT id, by its ISO code: Greece writes EL. Null for other countries. */
export function memberStateOfVatId(country: string): string | null {
  if (country === NORTHERN_IRELAND) return NORTHERN_IRELAND
  const code = country === 'EL' ? 'GR' : country
  return EU_MEMBERS.has(code) ? code : null
}

function memberStateOf(country: string, { postcode, regions }: { postcode: string; regions: readonly string[] }): string | null {
  if (EU_MEMBERS.has(country)) return country
  return country === 'GB' && (postcode.startsWith('BT') || regions.includes('NIR')) ? NORTHERN_IRELAND : null
}

/** The postcode decides; a region only where there is none. */
function lies({ postcode, regions }: { postcode: string; regions: readonly string[] }, territory: Territory): boolean {
  if (postcode !== '') return territory.postcodes.some((start) => postcode.startsWith(start))
  return territory.region !== undefined && regions.includes(territory.region)
}
