import { checkVAT, countries } from 'jsvat-next'
import { NORTHERN_IRELAND } from './tax-place.ts'

/** A VAT id as it was written, and what its form says. */
export interface VatId {
  /** ISO 3166-1 code of the country that gives out such ids (Greece is GR, though its ids begin with EL); XI for Northern Ireland. */
  country: string
  /** With its prefix, without spaces: EL094259216. */
  number: string
  /** Form and check digits are right. Whether it was given to anybody, and to whom, only the tax authorities know (VIES). */
  valid: boolean
}

const CHARACTERS_MAX = 30

/**
 * Reads a VAT id and checks its form and, where the country's algorithm is public, its check digits. It asks nobody: a number
 * that was never given out can pass. Undefined for what does not begin like a VAT id.
 */
export function readVatId(text: string): VatId | undefined {
  if (text.length > CHARACTERS_MAX) return undefined
  const number = text.toUpperCase().replace(/[\s./-]/g, '')
  // `+` and `*` stand in Irish ids.
  if (!/^[A-Z]{2}[A-Z0-9+*]{2,15}$/.test(number)) return undefined
  const prefix = number.slice(0, 2)
  const country = prefix === 'EL' ? 'GR' : prefix
  const result = checkVAT(number, countries as never)
  const issuer = prefix === NORTHERN_IRELAND ? 'GB' : country
  return { country, number, valid: result.isValid && result.country?.isoCode.short === issuer }
}
