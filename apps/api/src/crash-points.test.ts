import { readFile } from 'node:fs/promises'
import { CRASH_POINTS, type CrashPoint, onCrashPoint } from '@souk/tenant-router/crash-point.ts'
import { commitPointsOf } from '@souk/tenant-router/use-case.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { operationId } from './openapi.ts'
import { type ApiMerchant, createTestApi, type TestApi } from './testing/api.ts'

const POINT = /^\w+\.\w+$/
const FOLLOWERS = ['webhooks', 'mail', 'fulfillment']
const WORKS = ['export', 'restore', 'sandbox', 'erasure']

let api: TestApi
let merchant: ApiMerchant
const passed: CrashPoint[] = []

beforeAll(async () => {
  // Before the server is built: one that is not to be killed names nothing.
  onCrashPoint((point) => passed.push(point))
  api = await createTestApi()
  merchant = await api.addMerchant()
})
afterAll(async () => {
  onCrashPoint(undefined)
  await api.close()
})

it('names a point before and after each commit of every operation that changes something, and lists them all', async () => {
  const operations = api.routes
    .filter(({ url, method }) => url.startsWith('/v1') && [method].flat().some((verb) => !['GET', 'HEAD', 'OPTIONS'].includes(verb)))
    .map(operationId)
  const useCases = {
    'of a request, by its operation': operations.sort(),
    'of a job, by its task': await taskNames(),
    'of what follows the event log': FOLLOWERS.map((follower) => `follow_${follower}`),
    'of a work on a whole merchant': WORKS.map((work) => `work_${work}`),
  }
  const points = [...CRASH_POINTS, ...Object.values(useCases).flat().flatMap(commitPointsOf)]
  expect(new Set(points).size).toBe(points.length)
  expect(points.filter((point) => !POINT.test(point))).toEqual([])
  await expect(page(useCases, points.length)).toMatchFileSnapshot('../../../docs/crash-points.md')
})

it('passes them under the operation’s name, also when the body had to be waited for', async () => {
  passed.length = 0
  const answer = await api.call(merchant.host, { method: 'POST', url: '/v1/carts', payload: { email: 'ada@buyer.example', lines: [] } })
  expect(answer.status).toBe(201)
  expect(passed).toEqual(commitPointsOf('postV1Carts'))
})

it('passes them for what the platform writes down', async () => {
  const token = await api.adminToken()
  passed.length = 0
  const payload = { limits: {} }
  const answer = await api.call('platform.localhost', { method: 'PUT', url: '/v1/plans/tried', payload, token })
  expect(answer.status).toBe(200)
  // What the process writes down by itself meanwhile is nobody's request.
  const ofRequests = passed.filter((point) => !point.startsWith('elsewhere.'))
  expect([...new Set(ofRequests)]).toEqual(commitPointsOf('putV1PlansPlan_name'))
})

/** Core's list of tasks, as it stands in its file. */
async function taskNames(): Promise<string[]> {
  const text = await readFile(new URL('../../../packages/core/src/jobs.ts', import.meta.url), 'utf8')
  const body = /export interface Jobs \{\n([\s\S]*?)\n\}/.exec(text)![1]!
  return [...body.matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name!).sort()
}

function page(useCases: Record<string, string[]>, count: number): string {
  const list = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(', ')
  const sections = Object.entries(useCases).map(([whose, names]) => `## ${whose[0]!.toUpperCase()}${whose.slice(1)}\n\n${list(names)}`)
  return `# Crash points

A process that is started with \`SOUK_CRASH_AT\` dies at one of these ${count} points, by SIGKILL: see [reliability.md](reliability.md). This page is
made from the code by a test.

Each use case below has two: \`<use case>.committing\`, before a commit of it is sent, and \`<use case>.committed\`, when it was
acknowledged; with \`:2\` behind it the second time, and so on. Around whatever it asks of somebody outside there are two more, which are
not counted here: \`<use case>.calling_<whom>\` and \`<use case>.called_<whom>\`, for a payment \`provider\`, a \`plugin\`, a \`carrier\`, a
\`receiver\` of webhooks, \`mail\`, a DNS \`resolver\`, a \`statement\` of a provider, a \`disk\`.

${sections.join('\n\n')}

## Inside of use cases, and between their commits

${list(CRASH_POINTS)}
`
}
