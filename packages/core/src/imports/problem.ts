import { COLUMNS, type Column } from './columns.ts'
import type { ProblemSeverity } from './tables.ts'

/** One line of the row report. */
export interface Problem {
  severity: ProblemSeverity
  line: number
  handle: string
  /** The column, as Shopify's files name it; '' for the product as a whole. */
  field: string
  code: string
  detail: string
}

/** Of one product; further ones are of no help. */
export const PROBLEMS_MAX = 20
const DETAIL_CHARACTERS_MAX = 300

/** The problems of one product, gathered while it is read. */
export class Problems {
  readonly list: Problem[] = []
  readonly #handle: string

  constructor(handle: string) {
    this.#handle = handle
  }

  /** With an error the product is left out. */
  get fatal(): boolean {
    return this.list.some((problem) => problem.severity === 'error')
  }

  error(line: number, column: Column | '', code: string, detail: string): void {
    this.#add('error', line, column, code, detail)
  }

  /** The product is taken, but not as the file says. */
  warning(line: number, column: Column | '', code: string, detail: string): void {
    this.#add('warning', line, column, code, detail)
  }

  #add(severity: ProblemSeverity, line: number, column: Column | '', code: string, detail: string): void {
    const problem = { severity, line, handle: this.#handle, field: column === '' ? '' : COLUMNS[column][0], code, detail: plain(detail) }
    if (this.list.length < PROBLEMS_MAX) this.list.push(problem)
    // Whether the product is taken must not depend on how much was wrong before.
    else if (severity === 'error' && !this.fatal) this.list[PROBLEMS_MAX - 1] = problem
  }
}

/** Pieces of the file stand in it: whatever cannot be seen or stored is shown as a question mark. */
function plain(detail: string): string {
  const seen = detail.replace(/\p{C}/gu, '?')
  return seen.length > DETAIL_CHARACTERS_MAX ? `${seen.slice(0, DETAIL_CHARACTERS_MAX)}...` : seen
}
