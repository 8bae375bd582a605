import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SoukTest } from './testing/run-souk.ts'

const ADA = { id: '01a1ffc5-a882-71a8-bd95-56bec8dad4b1', email: 'ada@souk.example', role: 'viewer', has_password: true, disabled_at: null }
const TOKEN = { token: 'admin_secret', expires_at: '2026-01-08T00:00:00Z' }

let souk: SoukTest
beforeEach(async () => {
  souk = new SoukTest()
  await souk.open()
  souk.answers['GET /v1/admins'] = () => ({ body: { data: [ADA] } })
})
afterEach(() => souk.close())

const changes = () => souk.heard.filter(({ method, path }) => method !== 'GET' && path !== '/v1/sessions').map(({ body }) => body)

describe('admins', () => {
  test('are listed, and invited with a token for a password of their own', async () => {
    expect((await souk.run(['admins'])).out).toMatch(/ada@souk.example +viewer/)
    souk.answers['POST /v1/admins'] = () => ({ status: 201, body: { ...ADA, invitation: TOKEN } })
    const { out } = await souk.run(['admins', 'invite', 'ada@souk.example', '--role', 'viewer'])
    expect(out).toContain('souk password --token admin_secret')
    expect((await souk.run(['admins', 'invite', 'ada@souk.example', '--role', 'king'])).code).toBe(2)
  })

  test('are changed by address, after it was said what will come of it', async () => {
    souk.answers[`PATCH /v1/admins/${ADA.id}`] = ({ body }) => ({ body: { ...ADA, ...(body as object) } })
    expect((await souk.run(['admins', 'role', 'Ada@souk.example', 'operator'])).out).toBe('ada@souk.example is operator.\n')
    expect(changes()).toEqual([
      { role: 'operator', dry_run: true },
      { role: 'operator', dry_run: false },
    ])
    expect(await souk.run(['admins', 'disable', 'ada@souk.example'])).toMatchObject({ code: 2, err: expect.stringContaining('--yes') })
    expect(changes().slice(2)).toEqual([{ disabled: true, dry_run: true }])
    expect((await souk.run(['admins', 'disable', 'eve@souk.example', '--yes'])).err).toContain('There is no admin "eve@souk.example"')
  })

  test('set a password with a token without being anybody yet, and another one over the present', async () => {
    for (const path of ['/v1/password', '/v1/me/password']) souk.answers[`POST ${path}`] = () => ({ status: 200, body: {} })
    const more = { SOUK_ADMIN_NEW_PASSWORD: 'a new password' }
    expect((await souk.run(['password', '--token', 'admin_secret'], { ...more, SOUK_ADMIN_PASSWORD: '' })).code).toBe(0)
    expect((await souk.run(['password'], more)).code).toBe(0)
    expect(changes()).toEqual([
      { token: 'admin_secret', password: 'a new password' },
      { current_password: 'right', password: 'a new password' },
    ])
    expect((await souk.run(['password'])).err).toContain('SOUK_ADMIN_NEW_PASSWORD')
  })

  test('leave a log, which names them', async () => {
    const entry = { sequence: 7, action: 'cell.set_status', admin_id: ADA.id, merchant_id: null, data: { cell: 'big-1', to: 'draining' } }
    souk.answers['GET /v1/audit'] = () => ({ body: { data: [{ ...entry, occurred_at: '2026-01-01T00:00:00Z' }], next_cursor: null } })
    expect((await souk.run(['audit'])).out).toMatch(/7 +2026-01-01T00:00:00Z +ada@souk.example +cell.set_status +cell big-1, to draining/)
  })
})

describe('what is wrong', () => {
  test('is said in JSON to programs, with what the platform answered', async () => {
    souk.answers['GET /v1/cells/big-1'] = () => ({
      status: 404,
      body: { title: 'Not found', detail: 'There is no such cell.', status: 404 },
    })
    const { code, out, err } = await souk.run(['cells', 'show', 'big-1', '--json'])
    expect([code, out]).toEqual([1, ''])
    expect(JSON.parse(err).error).toMatchObject({ message: 'Not found: There is no such cell.', exit_code: 1, problem: { status: 404 } })
    expect(JSON.parse((await souk.run(['cels', '--json'])).err).error.exit_code).toBe(2)
    expect(JSON.parse((await souk.run(['cells', '--json'], { SOUK_API: 'http://127.0.0.1:1' })).err).error.message).toContain(
      'cannot be reached',
    )
  })

  test.each([
    [['cells', 'show'], 'Something is missing: `souk cells show --help` says what.'],
    [['usage', '--since', 'yesterday'], '"yesterday" is none'],
    [['fleet', 'migrate', '--parallel', '0'], '--parallel is 1 to 64.'],
  ])('%j is answered plainly', async (typed, said) => {
    expect(await souk.run(typed)).toMatchObject({ code: 2, err: expect.stringContaining(said) })
    expect(souk.heard).toEqual([])
  })

  test('a cell that there is not is not taken for an empty one', async () => {
    souk.answers['GET /v1/cells/big-1'] = () => ({ status: 404, body: { title: 'Not found', detail: 'There is no such cell.' } })
    for (const list of ['merchants', 'moves']) {
      expect(await souk.run([list, '--cell', 'big-1'])).toMatchObject({ code: 1, err: 'Not found: There is no such cell.\n' })
    }
  })

  test('a secret that is not there is no fault of this program', async () => {
    const more = { SOUK_DIRECTORY_OWNER_URL: 'postgres://owner@127.0.0.1:1/souk', SOUK_CELLS_FILE: '/no/such/file' }
    const { code, err } = await souk.run(['fleet', 'status'], more)
    expect([code, err]).toEqual([2, expect.stringContaining('SOUK_CELLS_FILE cannot be read')])
    expect(err).not.toContain('    at ')
  })

  test('merchants that cannot leave a cell are named, and the command has failed', async () => {
    const refused = { merchant_slug: 'acme', to_cell: null, move: null, refusal: 'There is no other open shared cell.' }
    souk.answers['POST /v1/cells/shared-1/drain'] = () => ({ body: { cell: {}, merchants: [refused] } })
    const { code, out } = await souk.run(['cells', 'drain', 'shared-1', '--yes'])
    expect([code, out.split('acme')]).toMatchObject([1, { length: 3 }])
  })
})

test('the doctor goes by the clock of the platform, and says that the one here is another', async () => {
  const at = Date.now() - 300_000
  const headers = { date: new Date(at).toUTCString() }
  const cell = { name: 'shared-1', status: 'open', merchant_count: 1, findings: [] }
  souk.answers['GET /v1/cells'] = () => ({ body: { data: [cell] }, headers })
  souk.answers['POST /v1/cells/shared-1/checks'] = () => ({ body: cell, headers })
  souk.answers['GET /v1/workers'] = () => ({ body: { data: [{ cell: 'shared-1', beat_at: new Date(at).toISOString() }] }, headers })
  souk.answers['GET /v1/moves'] = () => ({ body: { data: [], next_cursor: null }, headers })
  souk.answers['GET /v1/audit/verification'] = () => ({ body: { intact: true, verified_entries: 1 }, headers })
  const { code, out } = await souk.run(['doctor'])
  expect(out).toMatch(/^warn {2}API: Its clock is 3\d\d s behind the one here/m)
  expect(out).toContain('ok    workers: The queue of shared-1 is worked on.')
  expect(code).toBe(0)
})
