import { type FieldProblem, Refusal, type RefusalCode } from '../refusal.ts'
import { RULE_FAULTS_MAX } from './limits.ts'

/** What is wrong at one place of conditions. The first group is answered by `rule_too_complex`, the last by `unsafe_pattern`. */
export type FaultCode =
  | 'too_large'
  | 'too_deep'
  | 'too_many_conditions'
  | 'too_many_values'
  | 'too_expensive'
  | 'not_json'
  | 'unknown_field'
  | 'refused_field'
  | 'missing_field'
  | 'group_expected'
  | 'empty_group'
  | 'fact_unknown'
  | 'fact_of_other_scope'
  | 'operator_unknown'
  | 'operator_unfit'
  | 'value_type'
  | 'value_from_fact'
  | 'value_empty'
  | 'value_form'
  | 'value_out_of_range'
  | 'bounds_reversed'
  | 'invalid_text'
  | 'text_too_long'
  | 'invalid_pattern'
  | 'never_true'
  | 'contradiction'
  | 'unsafe_pattern'

const TOO_COMPLEX: readonly FaultCode[] = ['too_large', 'too_deep', 'too_many_conditions', 'too_many_values', 'too_expensive']

const DETAILS: Partial<Record<RefusalCode, string>> = {
  rule_invalid: 'The conditions cannot be used as they are.',
  rule_too_complex: 'The conditions are more than every cart could be held against.',
  unsafe_pattern: 'A pattern in the conditions is not run here.',
}

/** Gathers what is wrong, so that one answer names all of it. */
export class Faults {
  private readonly found: FieldProblem[] = []
  private readonly codes = new Set<FaultCode>()

  add(pointer: string, code: FaultCode, detail: string): undefined {
    this.codes.add(code)
    if (this.found.length < RULE_FAULTS_MAX) this.found.push({ pointer, code, detail })
    return undefined
  }

  get none(): boolean {
    return this.codes.size === 0
  }

  /** Refuses if anything was found: by its size first, then by its patterns. */
  refuse(): void {
    if (this.none) return
    const code: RefusalCode = TOO_COMPLEX.some((each) => this.codes.has(each))
      ? 'rule_too_complex'
      : this.codes.has('unsafe_pattern')
        ? 'unsafe_pattern'
        : 'rule_invalid'
    throw new Refusal(code, { detail: DETAILS[code]!, errors: this.found })
  }
}

/** A key as a part of a JSON Pointer (RFC 6901). */
export function pointerPart(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}
