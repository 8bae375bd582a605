/** Decimals of rules have at most this many places; facts hold them as whole numbers of 1/10,000. */
export const DECIMAL_PLACES = 4
const ONE = 10 ** DECIMAL_PLACES

/** '12.5' -> 125000. Undefined for what is no plain decimal of at most nine digits and four places. */
export function parseRuleDecimal(text: string): number | undefined {
  const match = /^(-?)(\d{1,9})(?:\.(\d{1,4}))?$/.exec(text)
  if (!match) return undefined
  const [, sign, whole = '', fraction = ''] = match
  const scaled = Number(whole) * ONE + Number(fraction.padEnd(DECIMAL_PLACES, '0'))
  return sign === '-' ? 0 - scaled : scaled
}

/** 125000 -> '12.5'. */
export function formatRuleDecimal(scaled: number): string {
  const digits = Math.abs(scaled)
    .toString()
    .padStart(DECIMAL_PLACES + 1, '0')
  const text = `${digits.slice(0, -DECIMAL_PLACES)}.${digits.slice(-DECIMAL_PLACES)}`.replace(/\.?0+$/, '')
  return scaled < 0 ? `-${text}` : text
}
