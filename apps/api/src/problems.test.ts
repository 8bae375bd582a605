import { Refusal } from '@souk/core/refusal.ts'
import { DoorError } from '@souk/tenant-router/door-error.ts'
import { describe, expect, it } from 'vitest'
import { Problem, toProblem } from './errors.ts'
import { PROBLEMS, type ProblemCode, problemSlug, problemsPage } from './problems.ts'

const codes = Object.keys(PROBLEMS) as ProblemCode[]

describe('the table of problems', () => {
  it('is what docs/problems.md says', async () => {
    await expect(problemsPage()).toMatchFileSnapshot('../../../docs/problems.md')
  })

  it('has a slug of its own for each, and a status of an error', () => {
    expect(new Set(codes.map(problemSlug)).size).toBe(codes.length)
    for (const { status } of Object.values(PROBLEMS)) expect(status).toSatisfy((value: number) => value >= 400 && value < 600)
  })

  it('says when to try again wherever the fault is ours and passes', () => {
    for (const code of codes) if (PROBLEMS[code].status === 503) expect(PROBLEMS[code].retryAfter, code).toBeGreaterThan(0)
  })
})

describe('an error on the wire', () => {
  it('is a problem document with type, title, status and what the refusal adds', () => {
    const refusal = new Refusal('total_changed', {
      detail: 'Another total.',
      extra: { total: 5 },
      errors: [{ pointer: '/a', code: 'not_found' }],
    })
    const problem = toProblem(refusal, 'r')
    expect(problem.status).toBe(409)
    expect(JSON.parse(problem.body)).toEqual({
      type: 'https://souk.dev/problems/total-changed',
      title: 'Total changed',
      status: 409,
      detail: 'Another total.',
      errors: [{ pointer: '/a', code: 'not-found' }],
      total: 5,
    })
  })

  it('tells nothing of what nobody foresaw but the id of the request', () => {
    const error = Object.assign(new Error('relation "staff" does not exist: select password_hash from staff'), { code: '42P01' })
    const problem = toProblem(error, 'the-request')
    expect(problem).toMatchObject({ status: 500, expected: false })
    expect(JSON.parse(problem.body)).toEqual({
      type: 'https://souk.dev/problems/internal-error',
      title: 'Internal error',
      status: 500,
      request_id: 'the-request',
    })
  })

  it.each([
    ['a cell with no room', new DoorError('cell_busy', 'x'), 503, 'cell-busy'],
    ['a commit nobody can vouch for', new DoorError('commit_unknown', 'x'), 503, 'commit-unknown'],
    ['a statement that took too long', Object.assign(new Error('x'), { code: '57014' }), 503, 'cell-busy'],
    ['a deadlock that came back', Object.assign(new Error('x'), { cause: { code: '40P01' } }), 503, 'conflict-retry'],
    ['a directory that went away', Object.assign(new Error('x'), { code: 'CONNECTION_CLOSED' }), 503, 'platform-unavailable'],
    ['a handler that took too long', Object.assign(new Error('x'), { code: 'FST_ERR_HANDLER_TIMEOUT' }), 503, 'handler-timeout'],
  ])('knows %s', (_name, error, status, slug) => {
    expect(toProblem(error, 'r')).toMatchObject({ status, slug, expected: true })
    expect(toProblem(error, 'r').headers['retry-after']).toBeDefined()
  })

  it('asks for credentials with every 401', () => {
    expect(toProblem(new Problem('credentials_missing'), 'r').headers['www-authenticate']).toBe('Bearer')
  })
})
