import { createHmac, hkdfSync, randomInt } from 'node:crypto'
import type { TokenKeys } from '../capability.ts'

// Neither 0 and O, 1 and I and L, nor U, which is read as V: codes are printed, spoken and typed.
const ALPHABET = '23456789ABCDEFGHJKMNPQRSTVWXYZ'
/** 16 of 30 characters are 78 bits: at a thousand guesses a second nobody finds one of a million cards in an age. */
const CODE_LENGTH = 16
const GROUP_LENGTH = 4
export const GIVEN_CODE_LENGTH_MAX = 64
const KEY_BYTES = 32

/** A new code as it is printed, drawn by the system's own source of randomness: `7KQM-2XHD-9RTA-CW4P`. */
export function newCardCode(): string {
  let code = ''
  for (let drawn = 0; drawn < CODE_LENGTH; drawn++) {
    if (drawn > 0 && drawn % GROUP_LENGTH === 0) code += '-'
    code += ALPHABET[randomInt(ALPHABET.length)]
  }
  return code
}

/** The last characters of a code, by which people tell cards apart. */
export function lastFourOf(code: string): string {
  return code.slice(-GROUP_LENGTH)
}

/**
 * What is kept of a code: a digest under a key that is not in the database, so that whoever reads the table can neither spend a card nor
 * try codes against it. The first is under the key that signs now; a card may have been issued under any of them. None for
 * what cannot be a code.
 */
export function codeDigests({ keys }: TokenKeys, merchantId: string, given: string): string[] {
  const code = normalCode(given)
  if (code === undefined) return []
  return keys.map(({ kid, secret }) => {
    const key = Buffer.from(hkdfSync('sha256', secret, '', 'gift-card-code', KEY_BYTES))
    return `${kid}.${createHmac('sha256', key).update(`${merchantId}|${code}`).digest('base64url')}`
  })
}

/** A code in whatever spelling: small letters, other groups, spaces around it. */
function normalCode(given: string): string | undefined {
  if (given.length > GIVEN_CODE_LENGTH_MAX) return undefined
  const code = given
    .normalize('NFKC')
    .toUpperCase()
    .replaceAll(/[\s\p{Pd}]/gu, '')
  return code.length === CODE_LENGTH && [...code].every((character) => ALPHABET.includes(character)) ? code : undefined
}
