import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MERCHANT, SoukTest } from './testing/run-souk.ts'

const MOVE = {
  id: '01a1ffc5-a882-71a8-bd95-56bec8dad4a5',
  merchant_id: MERCHANT.id,
  merchant_slug: 'acme',
  from_cell: 'shared-1',
  to_cell: 'big-1',
  state: 'requested',
  direction: 'forward',
  requested_at: '2026-01-01T00:00:00Z',
  state_since: '2026-01-01T00:00:00Z',
  watch_until: null,
  failure: null,
  figures: {},
  lost_cell: null,
  left_behind: [],
}
const CELL = {
  name: 'shared-1',
  kind: 'shared',
  status: 'open',
  merchant_count: 3,
  move_count: 0,
  reachable: true,
  checked_at: null,
  findings: null,
}

let souk: SoukTest
beforeEach(async () => {
  souk = new SoukTest()
  await souk.open()
  souk.answers['GET /v1/merchants'] = ({ path }) => ({ body: { data: path.includes('slug=nobody') ? [] : [MERCHANT], next_cursor: null } })
  souk.answers['GET /v1/cells'] = () => ({ body: { data: [CELL] } })
  souk.answers['GET /v1/cells/shared-1'] = () => ({ body: CELL })
})
afterEach(() => souk.close())

/** A move that is one state further each time it is looked at. */
function moveThrough(states: string[], more: object = {}): void {
  const left = [...states]
  souk.answers['POST /v1/moves'] = ({ body }) => ({ status: (body as { dry_run: boolean }).dry_run ? 200 : 202, body: MOVE })
  souk.answers[`GET /v1/moves/${MOVE.id}`] = () => {
    const state = left.shift() ?? states.at(-1)!
    return { body: { ...MOVE, state, ...(left.length === 0 && more) } }
  }
}

const bodiesOf = (method: string, path: string) =>
  souk.heard.filter((asked) => asked.method === method && asked.path === path).map(({ body }) => body)

describe('what is typed', () => {
  test('help says what there is, of each command too', async () => {
    const { code, out } = await souk.run(['--help'])
    expect(code).toBe(0)
    for (const command of ['cells', 'merchants', 'move', 'moves', 'fleet', 'doctor', 'login', 'completion'])
      expect(out).toContain(`souk ${command}`)
    expect((await souk.run(['move', '--help'])).out).toContain('souk move rollback <merchant>')
    expect(souk.heard).toEqual([])
  })

  test.each([
    [['cels'], 'Did you mean cells?'],
    [[], 'Which command?'],
    [['move', 'acme'], 'Missing required argument: to'],
    [['cells', 'list', '--colour'], 'Unknown argument: colour'],
    [['cells', '--api', 'nowhere'], '"nowhere" is not the address of a platform API'],
  ])('%j is answered with what is wrong with it', async (typed, said) => {
    const { code, err, out } = await souk.run(typed)
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain(said)
    expect(err).not.toContain('    at ')
  })

  test('the shell is given a script, and then commands, options and names', async () => {
    expect((await souk.run(['completion'])).out).toContain('_souk_yargs_completions')
    const complete = async (...words: string[]) => {
      const { code, out, err } = await souk.spawn(['--get-yargs-completions', 'souk', ...words])
      expect([code, err]).toEqual([0, ''])
      return out.split('\n').map((line) => line.split(':')[0])
    }
    expect(await complete('')).toEqual(expect.arrayContaining(['cells', 'merchants', 'move', 'doctor']))
    expect(await complete('cells', 'drain', '')).toContain('shared-1')
    expect(await complete('move', 'acme', '--to', '')).toContain('shared-1')
    expect(await complete('move', '')).toEqual(expect.arrayContaining(['rollback', 'acme']))
  })

  test('what is only being completed is not done', async () => {
    moveThrough(['watching'])
    souk.answers['PATCH /v1/cells/shared-1'] = () => ({ body: CELL })
    await souk.spawn(['--get-yargs-completions', 'souk', 'cells', 'open', 'shared-1', ''])
    await souk.spawn(['--get-yargs-completions', 'souk', 'move', 'acme', '--to', 'big-1', ''])
    expect(souk.heard.filter(({ method, path }) => method !== 'GET' && path !== '/v1/sessions')).toEqual([])
  })

  test('the shell is told no names by somebody who would first have to be asked who they are', async () => {
    const typed = ['--get-yargs-completions', 'souk', 'cells', 'drain', '']
    expect(await souk.spawn(typed, { SOUK_ADMIN_PASSWORD: '' })).toMatchObject({ code: 0, err: '' })
    expect(souk.heard).toEqual([])
  })
})

describe('who asks', () => {
  test('signs in once, and the token is kept for its owner alone', async () => {
    await souk.run(['cells'])
    await souk.run(['cells'])
    expect(bodiesOf('POST', '/v1/sessions')).toEqual([{ email: 'admin@souk.example', password: 'right' }])
    const file = join(souk.home, 'souk/token.json')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readFileSync(file, 'utf8')).not.toContain('right')
  })

  test('signs in again when the token is no longer taken', async () => {
    await souk.run(['login'])
    let refused = false
    souk.answers['GET /v1/cells'] = () => {
      if (refused) return { body: { data: [CELL] } }
      refused = true
      return { status: 401, body: { title: 'Token revoked' } }
    }
    expect((await souk.run(['cells'])).out).toContain('shared-1')
    expect(bodiesOf('POST', '/v1/sessions')).toHaveLength(2)
  })

  test.each([
    ['with a wrong password', { SOUK_ADMIN_PASSWORD: 'wrong' }, 'Invalid credentials: There is no account'],
    ['without one', { SOUK_ADMIN_PASSWORD: '' }, 'Set SOUK_ADMIN_EMAIL and SOUK_ADMIN_PASSWORD'],
    ['where nobody listens', { SOUK_API: 'http://platform.localhost:9' }, 'cannot be reached (ECONNREFUSED)'],
  ])('%s is told so plainly', async (_what, env, said) => {
    const { code, err } = await souk.run(['cells'], env)
    expect(code).toBe(1)
    expect(err).toContain(said)
    expect(err).not.toContain('    at ')
  })
})

describe('moving a merchant', () => {
  test('is asked for, and watched until it has happened', async () => {
    moveThrough(['seeding', 'verifying', 'fencing', 'watching'], { figures: { seeded_rows: 4711, seed_ms: 1500, write_pause_ms: 12.4 } })
    const { code, out } = await souk.run(['move', 'acme', '--to', 'big-1', '--watch'])
    expect(code).toBe(0)
    expect(out).toContain('acme: copying')
    expect(out).toContain('acme: moved')
    expect(out).toContain('4711 rows copied in 1.5 s')
    expect(out).toContain('writers waited 12.4 ms')
    expect(bodiesOf('POST', '/v1/moves')).toEqual([{ merchant_id: MERCHANT.id, to_cell: 'big-1', dry_run: false }])
  })

  test('that is given up ends in an error, with the reason', async () => {
    moveThrough(['seeding', 'aborting', 'aborted'], { failure: 'The target has rows of the merchant.' })
    const { code, out } = await souk.run(['move', 'acme', '--to', 'big-1', '--watch'])
    expect(code).toBe(1)
    expect(out).toContain('given up; the merchant stays where it was: The target has rows of the merchant.')
  })

  test('is only tried in a dry run', async () => {
    moveThrough(['watching'])
    const { out } = await souk.run(['move', 'acme', '--to', 'big-1', '--dry-run'])
    expect(out).toContain('Nothing was done.')
    expect(bodiesOf('POST', '/v1/moves')).toEqual([{ merchant_id: MERCHANT.id, to_cell: 'big-1', dry_run: true }])
  })

  test('answers programs in JSON and nothing else', async () => {
    moveThrough(['seeding', 'watching'])
    const { out } = await souk.run(['move', 'acme', '--to', 'big-1', '--watch', '--json'])
    expect(JSON.parse(out)).toMatchObject({ id: MOVE.id, state: 'watching' })
  })

  test('is refused in the words of the platform', async () => {
    souk.answers['POST /v1/moves'] = () => ({
      status: 409,
      body: {
        title: 'Move refused',
        detail: 'Another move of the merchant has not ended.',
        errors: [{ pointer: '/to_cell', code: 'busy' }],
      },
    })
    const { code, err } = await souk.run(['move', 'acme', '--to', 'big-1'])
    expect(code).toBe(1)
    expect(err).toBe('Move refused: Another move of the merchant has not ended.\n  to_cell: busy\n')
    expect((await souk.run(['move', 'nobody', '--to', 'big-1'])).err).toContain('no merchant with the slug "nobody"')
  })

  test('is taken back: its last move is, and watched until it has', async () => {
    souk.answers['GET /v1/moves'] = () => ({ body: { data: [{ ...MOVE, state: 'watching' }], next_cursor: null } })
    souk.answers[`POST /v1/moves/${MOVE.id}/rollback`] = () => ({ body: { ...MOVE, state: 'rolling_back', direction: 'back' } })
    moveThrough(['fencing', 'switched', 'rolled_back'], { direction: 'back' })
    const { code, out } = await souk.run(['move', 'rollback', 'acme', '--watch'])
    expect(code).toBe(0)
    expect(out).toContain('taken back; the merchant lives where it did')
    expect(bodiesOf('POST', `/v1/moves/${MOVE.id}/rollback`)).toEqual([{ dry_run: true }, { dry_run: false }])
  })
})

describe('what cannot be undone', () => {
  test.each([
    [['cells', 'retire', 'shared-1'], 'PATCH', '/v1/cells/shared-1', { ...CELL, status: 'retired' }],
    [['cells', 'drain', 'shared-1'], 'POST', '/v1/cells/shared-1/drain', { cell: CELL, merchants: [] }],
    [['move', 'finish', 'acme'], 'POST', `/v1/moves/${MOVE.id}/finish`, { ...MOVE, state: 'retiring' }],
  ])('souk %j is planned, and done only with --yes where nobody can be asked', async (typed, method, path, body) => {
    souk.answers['GET /v1/moves'] = () => ({ body: { data: [{ ...MOVE, state: 'watching' }], next_cursor: null } })
    souk.answers[`${method} ${path}`] = () => ({ body })
    const done = () => bodiesOf(method, path).map((asked) => (asked as { dry_run: boolean }).dry_run)
    expect((await souk.run([...typed, '--dry-run'])).out).toMatch(/nothing was done/i)
    const unasked = await souk.run(typed)
    expect([unasked.code, unasked.err]).toEqual([2, expect.stringContaining('Say --yes to do it')])
    expect(done()).toEqual([true, true])
    expect((await souk.run([...typed, '--yes'])).code).toBe(0)
    expect(done()).toEqual([true, true, true, false])
  })

  test('a shop is not closed by a dry run, nor without --yes', async () => {
    souk.answers[`PATCH /v1/merchants/${MERCHANT.id}`] = () => ({ body: { ...MERCHANT, status: 'suspended' } })
    expect((await souk.run(['merchants', 'suspend', 'acme', '--dry-run'])).out).toContain('nothing was done')
    expect((await souk.run(['merchants', 'suspend', 'acme'])).code).toBe(2)
    expect(bodiesOf('PATCH', `/v1/merchants/${MERCHANT.id}`)).toEqual([])
    expect((await souk.run(['merchants', 'suspend', 'acme', '--yes'])).out).toBe('acme is suspended.\n')
  })
})

describe('the doctor', () => {
  const found = (findings: object[]) => ({ body: { ...CELL, findings } })
  beforeEach(() => {
    souk.answers['POST /v1/cells/shared-1/checks'] = () => found([{ check: 'version', outcome: 'passed', detail: 'fine' }])
    souk.answers['GET /v1/workers'] = () => ({ body: { data: [{ cell: 'shared-1', process: 'p', beat_at: new Date().toISOString() }] } })
    souk.answers['GET /v1/moves'] = () => ({ body: { data: [], next_cursor: null } })
    souk.answers['GET /v1/audit/verification'] = () => ({ body: { intact: true, verified_entries: 9 } })
  })

  test('finds nothing where nothing is', async () => {
    const { code, out } = await souk.run(['doctor'])
    expect([code, out]).toEqual([0, expect.stringContaining('All is well.')])
  })

  test('finds a cell that failed a check, a queue without a worker, a stuck move and a log that was edited', async () => {
    souk.answers['POST /v1/cells/shared-1/checks'] = () =>
      found([{ check: 'wal_level', outcome: 'failed', detail: 'wal_level is replica.' }])
    souk.answers['GET /v1/workers'] = () => ({ body: { data: [] } })
    souk.answers['GET /v1/moves'] = () => ({ body: { data: [{ ...MOVE, state: 'seeding', failure: 'no slot' }], next_cursor: null } })
    souk.answers['GET /v1/audit/verification'] = () => ({ body: { intact: false, verified_entries: 3 } })
    const { code, out } = await souk.run(['doctor'])
    expect(code).toBe(1)
    for (const said of [
      'FAIL  cell shared-1: wal_level',
      'FAIL  workers: Nobody',
      'warn  moves: acme',
      'FAIL  log of admins',
      '3 things are wrong, 1',
    ]) {
      expect(out).toContain(said)
    }
  })
})

test('cells, merchants and moves are listed', async () => {
  expect((await souk.run(['cells'])).out).toMatch(/CELL .*\nshared-1 +shared +open +3 +0 +never/)
  souk.answers['GET /v1/merchants'] = ({ path }) => ({
    body: path.includes('cursor=two')
      ? { data: [{ ...MERCHANT, slug: 'bolt' }], next_cursor: null }
      : { data: [MERCHANT], next_cursor: 'two' },
  })
  expect((await souk.run(['merchants', '--cell', 'shared-1'])).out).toMatch(/acme[^\n]*\nbolt/)
  souk.answers['GET /v1/moves'] = () => ({ body: { data: [], next_cursor: null } })
  expect((await souk.run(['moves'])).out).toBe('No moves.\n')
  expect(souk.heard.map(({ path }) => path)).toContain('/v1/moves?unfinished=true&limit=100')
})

test('usage is shown by day, and advice as the command to follow it', async () => {
  const day = {
    merchant_id: MERCHANT.id,
    day: '2026-01-02',
    requests: 7,
    refused: 1,
    database_ms: 1500,
    jobs: 2,
    job_ms: 0,
    plugin_cpu_ms: 0,
    rows_stored: null,
  }
  souk.answers['GET /v1/usage'] = () => ({ body: { data: [day], next_cursor: null } })
  expect((await souk.run(['usage', '--merchant', 'acme', '--since', '2026-01-01'])).out).toMatch(/2026-01-02 +acme +7 +1 +1\.5/)
  expect(souk.heard.at(-1)!.path).toBe(`/v1/usage?merchant_id=${MERCHANT.id}&since_day=2026-01-01&limit=100`)
  const advice = { merchant_id: MERCHANT.id, slug: 'acme', from_cell: 'shared-1', reason: 'outgrown', share_of_cell: 0.61 }
  souk.answers['GET /v1/advice'] = () => ({
    body: {
      data: [
        { ...advice, to_cell: 'big-1' },
        { ...advice, to_cell: null },
      ],
    },
  })
  const { out } = await souk.run(['usage', 'advice'])
  expect(out).toContain('61 % of the work of shared-1.\n  souk move acme --to big-1 --watch')
  expect(out).toContain('A cell of its own is needed first')
})

test('migrations need the addresses of the owner', async () => {
  const { code, err } = await souk.run(['fleet', 'migrate'])
  expect([code, err]).toEqual([2, expect.stringContaining('SOUK_DIRECTORY_OWNER_URL is not set')])
})
