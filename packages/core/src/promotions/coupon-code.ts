import { randomInt } from 'node:crypto'
import { Refusal } from '../refusal.ts'
import { nameFault } from '../text.ts'

export const COUPON_CODE_LENGTH_MAX = 64
/** Characters of a generated code that nobody can guess: 8 of 30 are 39 bits, 12 are 58. */
export const RANDOM_LENGTH_MIN = 8
export const RANDOM_LENGTH_MAX = 32

// Neither 0 and O, 1 and I and L, nor U, which is read as V: codes are printed, spoken and typed.
const ALPHABET = '23456789ABCDEFGHJKMNPQRSTVWXYZ'
const ALLOWED = /^[\p{L}\p{M}\p{N}_.\-+%&!#@*$/]+$/u

/**
 * The form in which codes are compared: compatible characters folded (NFKC), capital letters, no white space, every kind of
 * dash a hyphen. " save-10 ", "SAVE\u201110" and "Save-10" are one code. Undefined for what cannot be one.
 */
export function couponKey(given: string): string | undefined {
  // Pasted codes bring a tab or a line break along.
  const code = given.trim()
  if (code.length > 4 * COUPON_CODE_LENGTH_MAX || nameFault(code, 4 * COUPON_CODE_LENGTH_MAX)) return undefined
  const key = code
    .normalize('NFKC')
    .replaceAll(/\s+/gu, '')
    .replaceAll(/\p{Pd}/gu, '-')
    .toUpperCase()
    .normalize('NFKC')
  return key.length <= COUPON_CODE_LENGTH_MAX && ALLOWED.test(key) ? key : undefined
}

/** As couponKey, but refuses `coupon_code_invalid` at the pointer for what cannot be a code. */
export function requireCouponKey(pointer: string, code: string): string {
  const key = couponKey(code)
  if (key !== undefined) return key
  const detail = `A code has 1 to ${COUPON_CODE_LENGTH_MAX} letters, digits and characters of _.-+%&!#@*$/.`
  throw new Refusal('coupon_code_invalid', { detail, errors: [{ pointer, code: 'coupon_code_invalid', detail }] })
}

/** A new code: the prefix, and `length` characters drawn by the system's own source of randomness. */
export function randomCode(prefix: string, length: number): string {
  let code = prefix
  for (let drawn = 0; drawn < length; drawn++) code += ALPHABET[randomInt(ALPHABET.length)]
  return code
}
