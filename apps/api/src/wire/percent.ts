import { z } from 'zod'

const PPM_DIGITS = 4

/** A percentage as people write it: "19", "8.25". Text, because 8.25 in binary is a promise nobody keeps. */
export const percentSchema = z
  .string()
  .regex(/^\d{1,3}(\.\d{1,4})?$/, 'percentage_out_of_range')
  .refine((text) => Number(text) <= 100, 'percentage_out_of_range')
  .meta({ examples: ['19', '8.25'] })

/** "8.25" -> 82500n, in parts per million. */
export function toPpm(percent: string): bigint {
  const [whole = '0', fraction = ''] = percent.split('.')
  return BigInt(whole + fraction.padEnd(PPM_DIGITS, '0'))
}
