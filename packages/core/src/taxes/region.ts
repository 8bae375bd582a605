import { iso31661, iso31662 } from 'iso-3166'

// Kosovo has no code of its own in ISO 3166-1; XK is from the range left to users, and the one that everybody uses.
const COUNTRIES = new Set([...iso31661.filter((row) => row.state === 'assigned').map((row) => row.alpha2), 'XK'])

interface Region {
  code: string
  /** The region it lies in, as a code of the same country; null directly below the country. */
  parent: string | null
}

const REGIONS = new Map<string, Map<string, Region>>()
const NAMES = new Map<string, Map<string, Region>>()
for (const { code, name, parent } of iso31662) {
  const country = code.slice(0, 2)
  const region = { code: code.slice(3), parent: parent.includes('-') ? parent.slice(3) : null }
  within(REGIONS, country).set(region.code, region)
  const names = within(NAMES, country)
  // Where a province has the name of the region around it, the province is meant: the region is found by it.
  if (!names.has(plain(name)) || region.parent !== null) names.set(plain(name), region)
}

const THREE_LETTERS = new Map(iso31661.map((row) => [row.alpha3, row.alpha2]))

/** The ISO 3166-1 code of two letters for one of two or three: US for 'usa'. Undefined for what is no country. */
export function countryCode(text: string): string | undefined {
  const code = text.trim().toUpperCase()
  const short = THREE_LETTERS.get(code) ?? code
  return isCountry(short) ? short : undefined
}

/** Whether there is such a country by ISO 3166-1 (and XK). */
export function isCountry(code: string): boolean {
  return COUNTRIES.has(code)
}

/**
 * The code of a region as ISO 3166-2 writes it after the hyphen: CA for 'California', 'us-ca' or 'CA' in US. Undefined for
 * a region the country does not have.
 */
export function regionCode(country: string, text: string): string | undefined {
  return find(country, text)?.code
}

/** The region's code, then that of the region around it, and so on: ['GC', 'CN'] for Gran Canaria. Empty if there is no such region. */
export function regionChain(country: string, text: string): string[] {
  const chain: string[] = []
  let region = find(country, text)
  while (region && chain.length < 4) {
    chain.push(region.code)
    region = region.parent === null ? undefined : REGIONS.get(country)?.get(region.parent)
  }
  return chain
}

function find(country: string, text: string): Region | undefined {
  const upper = text.trim().toUpperCase()
  const code = upper.startsWith(`${country}-`) ? upper.slice(3) : upper
  return REGIONS.get(country)?.get(code) ?? NAMES.get(country)?.get(plain(text))
}

/** A name without accents, case and punctuation. */
function plain(name: string): string {
  return name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '')
}

function within<Value>(maps: Map<string, Map<string, Value>>, country: string): Map<string, Value> {
  const map = maps.get(country) ?? new Map<string, Value>()
  maps.set(country, map)
  return map
}
