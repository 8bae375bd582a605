import { readFile } from 'node:fs/promises'
import { newId } from '@souk/core/ids.ts'
import { ADMIN_ROLES, type AdminRole, PLATFORM_SCOPES, scopesOfAdmin } from '@souk/platform/admin-roles.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApi, type TestApi } from './testing/api.ts'
import { type Description, type Operation, readOperations } from './testing/operations.ts'

// What each role of an admin may do, told three times: by docs/admins.md in scopes, by this file in operations, and by the API, which
// is asked for every operation of the platform by an admin of every role.

const PLATFORM = 'platform.localhost'
const ABOUT_ONESELF = ['GET /v1/me', 'POST /v1/me/password']
/** It changes nothing but what is known of a cell. */
const LOOKS = 'POST /v1/cells/{cell}/checks'

let api: TestApi
let operations: Operation[]
const tokens = new Map<AdminRole, string>()

beforeAll(async () => {
  api = await createTestApi()
  for (const role of ADMIN_ROLES) {
    const id = newId(api.clock.now)
    await api.platformSql`
      insert into platform.admin (id, email, role, tokens_valid_after)
      values (${id}, ${`${role}@souk.example`}, ${role}, date_trunc('second', ${api.clock.now}::timestamptz))`
    tokens.set(role, api.tokens.issue('platform', id, api.clock.now).access_token)
  }
  const described = readOperations((await api.call('any.localhost', { url: '/openapi.json' })).body as Description)
  operations = described.filter(({ audience, credential }) => audience === 'platform' && credential === 'access')
})
afterAll(() => api.close())

/** Whether the API lets an admin of this role do it; what they ask for is nonsense, and answered after that. */
async function mayDo(role: AdminRole, { method, path }: Operation): Promise<boolean> {
  const url = path.replaceAll(/\{[a-z_]+\}/g, 'nonsense')
  const { status, body } = await api.call(PLATFORM, { method, url, token: tokens.get(role)! })
  expect(status, `${method} ${url}`).toBeLessThan(500)
  return !(status === 403 && body.type.endsWith('/insufficient-scope'))
}

async function allowed(role: AdminRole): Promise<string[]> {
  const keys: string[] = []
  for (const operation of operations) if (await mayDo(role, operation)) keys.push(operation.key)
  return keys
}

const isChange = (key: string) => !key.startsWith('GET ')

describe('every operation of the platform', () => {
  it('asks for a scope, but for what is about oneself', () => {
    const bare = api.routes.filter(({ config }) => config?.gate === 'platform' && config.scopes?.length === 0)
    const keys = bare.flatMap(({ method, url }) => [method].flat().map((one) => `${one} ${url}`)).filter((key) => !key.startsWith('HEAD '))
    expect(keys.sort()).toEqual(ABOUT_ONESELF)
    expect(operations.length).toBeGreaterThan(50)
  })
})

describe('the role', () => {
  it('of an admin may do what docs/admins.md says', async () => {
    const page = await readFile(new URL('../../../docs/admins.md', import.meta.url), 'utf8')
    const rows = [...page.matchAll(/^\| `([a-z]+:[a-z]+)` +\|(.+)\|$/gm)].map(
      ([, scope, cells]) => [scope, cells!.split('|').map((cell) => cell.trim())] as const,
    )
    const said = Object.fromEntries(rows.map(([scope, cells]) => [scope, ADMIN_ROLES.filter((_, index) => cells[index] === 'x')]))
    const done = Object.fromEntries(
      PLATFORM_SCOPES.map((scope) => [scope, ADMIN_ROLES.filter((role) => scopesOfAdmin(role).includes(scope))]),
    )
    expect(said).toEqual(done)
  })

  it('owner may do everything', async () => {
    expect(await allowed('owner')).toEqual(operations.map(({ key }) => key))
  })

  it('viewer may change nothing, and read what is in no archive', async () => {
    const keys = await allowed('viewer')
    expect(keys.filter(isChange).sort()).toEqual(['POST /v1/me/password', LOOKS].sort())
    const reads = operations.map(({ key }) => key).filter((key) => !isChange(key))
    expect(keys.filter((key) => !isChange(key))).toEqual(reads.filter((key) => key !== 'GET /v1/archives/{archive_id}/file'))
  })

  it('operator may run the platform: neither take what a merchant has, nor say who may come in', async () => {
    const keys = await allowed('operator')
    const refused = operations.map(({ key }) => key).filter((key) => !keys.includes(key))
    expect(refused.sort()).toEqual(
      [
        'GET /v1/archives/{archive_id}/file',
        'DELETE /v1/archives/{archive_id}',
        'POST /v1/archives/{archive_id}/restore',
        'POST /v1/archives/{archive_id}/sandboxes',
        'POST /v1/merchants/{merchant_id}/exports',
        'POST /v1/merchants/{merchant_id}/sandboxes',
        'POST /v1/merchants/{merchant_id}/erasure',
        'POST /v1/admins',
        'PATCH /v1/admins/{admin_id}',
        'POST /v1/admins/{admin_id}/password-reset',
      ].sort(),
    )
  })

  it('that may not do something may not try it either', async () => {
    const cells = await api.platformSql`select name, status from platform.cell`
    for (const payload of [{ status: 'retired' }, { status: 'draining', dry_run: true }]) {
      const answer = await api.call(PLATFORM, { method: 'PATCH', url: '/v1/cells/shared-1', token: tokens.get('viewer')!, payload })
      expect([answer.status, answer.body.missing_scopes]).toEqual([403, ['cells:write']])
    }
    expect(await api.platformSql`select name, status from platform.cell`).toEqual(cells)
  })
})
