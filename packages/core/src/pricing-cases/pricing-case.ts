import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import { parseDecimal } from '../money.ts'

/** The cases lie beside the repository, not in it; a checkout alone does without them. */
export const CASES = new URL('../../../../../shared/data/pricing-cases/', import.meta.url)

const pricingCase = z.looseObject({
  id: z.string(),
  title: z.string(),
  amounts: z.string(),
  tags: z.array(z.string()).default([]),
  notes: z.string().optional(),
  input: z.record(z.string(), z.unknown()),
  expected: z.record(z.string(), z.unknown()),
})

/** A cart or a calculation of another platform, with the numbers that platform's own tests expect. */
export type PricingCase = z.output<typeof pricingCase>

/** Raised for whatever in a case our mapping has no word for. Nothing in a case is passed over in silence. */
export class CannotMap extends Error {
  constructor(what: string) {
    super(`cannot map: ${what}`)
    this.name = 'CannotMap'
  }
}

/** The files of cases at hand, by name; none where the data is not there. */
export function caseFiles(): URL[] {
  if (!existsSync(CASES)) return []
  const names = readdirSync(CASES).filter((name) => name.endsWith('.json'))
  return names.sort().map((name) => new URL(name, CASES))
}

export function readCases(file: URL | string): PricingCase[] {
  return z.array(pricingCase).parse(JSON.parse(readFileSync(file, 'utf8')))
}

/** Reads a part of a case by a strict schema: a key or a value that the schema does not name cannot be mapped. */
export function read<Schema extends z.ZodType>(schema: Schema, value: unknown, where: string): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new CannotMap(parsed.error.issues.map((issue) => `${[where, ...issue.path].join('.')}: ${issue.message}`).join('; '))
}

/** A number as the cases write it: 7, 7.5 or "7.50". Read as text, so that no digit is lost. */
export const decimal = z.union([z.string().regex(/^-?\d+(\.\d+)?$/), z.number()]).transform(String)

/** A decimal in minor units of `digits` places. What is finer than a minor unit is no amount of ours. */
export function amountOf(text: string, digits: number): bigint {
  const amount = parseDecimal(text, digits)
  if (amount === undefined) throw new CannotMap(`the amount ${text} is finer than ${digits} decimals`)
  return amount
}

/** A percentage in parts per million: "8.25" is 82500n. */
export function ppmOf(percent: string): number {
  const ppm = parseDecimal(percent, 4)
  if (ppm === undefined) throw new CannotMap(`the percentage ${percent} is finer than a part per million`)
  return Number(ppm)
}
