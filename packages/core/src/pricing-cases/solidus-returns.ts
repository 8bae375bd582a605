import type { Answer } from './answer.ts'
import { CannotMap } from './pricing-case.ts'

export function answerSolidusReturn(_input: Record<string, unknown>): Answer {
  throw new CannotMap('returns')
}
