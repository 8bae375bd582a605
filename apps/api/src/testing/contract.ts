import type { InjectOptions, RouteOptions } from 'fastify'
import { expect } from 'vitest'
import { z } from 'zod'
import { PROBLEM_TYPE_BASE, PROBLEMS, type ProblemCode, problemSlug } from '../problems.ts'
import type { Answer } from './api.ts'

const problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  detail: z.string().optional(),
  errors: z.array(z.strictObject({ pointer: z.string(), code: z.string(), detail: z.string().optional() })).optional(),
})
const STATUS_OF = new Map(
  Object.entries(PROBLEMS).map(([code, kind]) => [PROBLEM_TYPE_BASE + problemSlug(code as ProblemCode), kind.status]),
)
// What must never be told: stacks, statements, the driver's words.
const INDISCREET = /node_modules|\.ts:\d|\bat .*\(|select .* from|insert into|postgres|merchant_id = |souk_app/i

/** What every answer is held to: a success to its route's schema, everything else to that of documented problems. */
export class Contract {
  readonly #routes: { method: string; pattern: RegExp; responses: Record<string, z.ZodType> }[]

  constructor(routes: readonly RouteOptions[]) {
    this.#routes = routes.flatMap((route) =>
      [route.method].flat().map((method) => ({
        method,
        pattern: new RegExp(`^${route.url.replaceAll(/:[a-z_]+/g, '[^/]+').replaceAll('*', '.*')}$`),
        responses: (route.schema?.response ?? {}) as Record<string, z.ZodType>,
      })),
    )
  }

  check(request: Pick<InjectOptions, 'method' | 'url'>, answer: Answer): void {
    expect(answer.headers['request-id']).toMatch(/^[0-9a-f-]{36}$/)
    if (answer.status >= 400) {
      checkProblem(answer)
      return
    }
    const path = String(request.url).replace(/\?.*/s, '')
    const route = this.#routes.find((candidate) => candidate.method === (request.method ?? 'GET') && candidate.pattern.test(path))
    const schema = route?.responses[String(answer.status)]
    if (!schema) throw new Error(`${request.method ?? 'GET'} ${path} answers ${answer.status}, which it does not describe.`)
    if (answer.status !== 204 && request.method !== 'HEAD') schema.parse(answer.body)
  }
}

export function checkProblem(answer: Pick<Answer, 'status' | 'headers' | 'body' | 'text'>): void {
  expect(answer.headers['content-type']).toBe('application/problem+json')
  const body = problem.parse(answer.body)
  expect(STATUS_OF.get(body.type), `${body.type} is documented with this status`).toBe(answer.status)
  expect(body.status).toBe(answer.status)
  expect(answer.text).not.toMatch(INDISCREET)
}
