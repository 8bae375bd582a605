const PPM_DIGITS = 4

/** "8.25" -> 82500: a percentage as contracts write it, in parts per million. */
export function ppmOf(percent: string): number {
  const [whole = '0', fraction = ''] = percent.split('.')
  return Number(whole + fraction.padEnd(PPM_DIGITS, '0'))
}
