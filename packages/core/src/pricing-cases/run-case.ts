import type { Answer } from './answer.ts'
import { type Comparison, compare } from './compare.ts'
import { answerMedusaCase } from './medusa-cases.ts'
import { answerMoneyCase } from './money-cases.ts'
import { CannotMap, type PricingCase } from './pricing-case.ts'
import { answerSaleorCase } from './saleor-cases.ts'
import { answerSolidusCase } from './solidus-cases.ts'
import { answerSyliusCase } from './sylius-cases.ts'
import { answerVendureCase } from './vendure-cases.ts'
import { answerWoocommerceCase } from './woocommerce-cases.ts'

const PLATFORMS: Record<string, (given: PricingCase) => Answer> = {
  medusa: answerMedusaCase,
  money: answerMoneyCase,
  saleor: answerSaleorCase,
  solidus: answerSolidusCase,
  sylius: answerSyliusCase,
  vendure: answerVendureCase,
  woocommerce: answerWoocommerceCase,
}

export interface CaseRun {
  id: string
  platform: string
  passed: boolean
  comparisons: Comparison[]
  /** What went wrong before there was anything to compare. */
  problem: string | null
  answer: Answer | null
}

/** Puts a case to our model and compares every number it expects. Never throws: what cannot be mapped is a run that fails. */
export function runCase(given: PricingCase): CaseRun {
  const platform = platformOf(given.id)
  const run: CaseRun = { id: given.id, platform, passed: false, comparisons: [], problem: null, answer: null }
  try {
    const answerCase = PLATFORMS[platform]
    if (!answerCase) throw new CannotMap(`platform ${platform}`)
    run.answer = answerCase(given)
    run.comparisons = compare(given.expected, run.answer.actual)
    run.passed = run.comparisons.length > 0 && run.comparisons.every(({ same }) => same)
  } catch (error) {
    run.problem = error instanceof CannotMap ? error.message : `failed: ${error instanceof Error ? error.stack : error}`
  }
  return run
}

/** `solidus` for `solidus-s-001`. */
export function platformOf(id: string): string {
  return id.split('-')[0]!
}
