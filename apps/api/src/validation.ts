import type { FieldProblem } from '@souk/core/refusal.ts'
import type { FastifySchemaCompiler } from 'fastify'
import type { core, ZodType } from 'zod'
import { Problem } from './errors.ts'
import { PROBLEMS, type ProblemCode } from './problems.ts'

type Part = 'body' | 'querystring' | 'params' | 'headers'
type Issue = core.$ZodIssue

/**
 * Checks a part of a request against its zod schema. A check says which problem it stands for by giving that problem's
 * code as its message: `z.number().max(100, 'quantity_out_of_range')`. All others are `invalid_body` and the like.
 */
export const checkWithZod: FastifySchemaCompiler<ZodType> = ({ schema, httpPart }) => {
  const part = (httpPart ?? 'body') as Part
  return (data: unknown) => {
    if (part === 'querystring') {
      const double = doubleParameter(data as Record<string, unknown>)
      if (double !== undefined) return { error: problemOf(part, [{ pointer: `/${double}`, code: 'duplicate_parameter' }]) }
    }
    const result = schema.safeParse(data)
    return result.success
      ? { value: result.data }
      : {
          error: problemOf(part, toFieldProblems(part, result.error.issues)),
        }
  }
}

/** A malformed field outranks one that is out of range: 400 before 422. */
function problemOf(part: Part, errors: FieldProblem[]): Problem {
  const malformed = errors.find((error) => PROBLEMS[error.code as ProblemCode].status === 400)
  const code = (malformed ?? errors[0]!).code as ProblemCode
  return new Problem(code, {
    errors: part === 'body' ? errors : errors.map(({ pointer, ...rest }) => ({ pointer: `/${part}${pointer}`, ...rest })),
  })
}

/** A check that names its problem speaks for its field: zod may object on its own account as well. */
function toFieldProblems(part: Part, issues: readonly Issue[]): FieldProblem[] {
  const named = new Set(issues.filter((issue) => issue.message in PROBLEMS).map((issue) => pointerOf(issue.path)))
  return issues
    .filter((issue) => issue.message in PROBLEMS || !named.has(pointerOf(issue.path)))
    .flatMap((issue) => fieldProblems(part, issue))
}

function fieldProblems(part: Part, issue: Issue): FieldProblem[] {
  const pointer = pointerOf(issue.path)
  if (issue.code === 'unrecognized_keys') {
    const code = part === 'body' ? 'unknown_field' : 'unknown_parameter'
    return issue.keys.map((key) => ({ pointer: pointer + pointerOf([key]), code }))
  }
  if (issue.message in PROBLEMS) return [{ pointer, code: issue.message }]
  return [{ pointer, code: part === 'body' ? 'invalid_body' : part === 'params' ? 'invalid_id' : 'invalid_parameter' }]
}

function doubleParameter(query: Record<string, unknown>): string | undefined {
  return Object.keys(query).find((name) => Array.isArray(query[name]) || /[[\]]/.test(name))
}

function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
