import { CannotMap } from './pricing-case.ts'

const LETTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ']
const NAMES = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' })

/** Countries by the English name that scenarios call them by. */
const CODES = new Map(
  LETTERS.flatMap((first) => LETTERS.map((second) => first + second))
    .filter((code) => !['EU', 'UN', 'EZ', 'QO', 'ZZ', 'XA', 'XB'].includes(code))
    .flatMap((code) => {
      const name = NAMES.of(code)
      return name === undefined ? [] : [[name, code] as const]
    }),
)

/** "Germany" is DE. */
export function countryNamed(name: string): string {
  const code = CODES.get(name)
  if (code === undefined) throw new CannotMap(`country ${name}`)
  return code
}

/** A zone of tax or shipping as a country: zones are called by a country's code, and one is everywhere else. */
export function countryOfZone(zone: string): string {
  if (zone === 'rest of the world') return '*'
  if (![...CODES.values()].includes(zone)) throw new CannotMap(`zone ${zone}`)
  return zone
}
