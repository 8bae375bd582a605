import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MERCHANT, SoukTest } from './testing/run-souk.ts'

const ID = '01a1ffc5-a882-71a8-bd95-56bec8dad4a5'
const STUCK = {
  id: ID,
  merchant_id: MERCHANT.id,
  merchant_slug: 'acme',
  from_cell: 'shared-1',
  to_cell: 'big-1',
  state: 'aborting',
  direction: 'forward',
  requested_at: '2026-01-01T00:00:00Z',
  state_since: '2026-01-01T00:00:00Z',
  watch_until: null,
  failure: 'connect ECONNREFUSED',
  figures: {},
  lost_cell: null as string | null,
  left_behind: [] as object[],
}
const LOST = {
  ...STUCK,
  failure: 'The cell big-1 was given up as lost.',
  lost_cell: 'big-1',
  left_behind: [
    { kind: 'slot', name: 'souk_move_1_back', removal: 'select pg_drop_replication_slot(…);' },
    { kind: 'rows', name: MERCHANT.id, removal: 'do $$ … $$;' },
  ],
}
const PATH = `/v1/moves/${ID}/abandon`
const TYPED = ['move', 'abandon', 'acme', '--cell', 'big-1']

let souk: SoukTest
beforeEach(async () => {
  souk = new SoukTest()
  await souk.open()
  souk.answers['GET /v1/merchants'] = () => ({ body: { data: [MERCHANT], next_cursor: null } })
  souk.answers['GET /v1/moves'] = () => ({ body: { data: [STUCK], next_cursor: null } })
  souk.answers[`POST ${PATH}`] = () => ({ body: LOST })
  souk.answers[`GET /v1/moves/${ID}`] = () => ({ body: { ...LOST, state: 'aborted' } })
})
afterEach(() => souk.close())

const asked = () => souk.heard.filter(({ path }) => path === PATH).map(({ body }) => body)

describe('souk move abandon', () => {
  test('says in a dry run what will be left behind, and does nothing', async () => {
    const { code, out } = await souk.run([...TYPED, '--dry-run'])
    expect(code).toBe(0)
    expect(out).toContain('The move of acme ends without big-1')
    expect(out).toContain('slot souk_move_1_back, the rows of acme')
    expect(out).toContain('nothing was done')
    expect(asked()).toEqual([{ cell: 'big-1', dry_run: true }])
  })

  test('does it with --yes alone where nobody can be asked, and says how to remove what is left', async () => {
    const unasked = await souk.run(TYPED)
    expect([unasked.code, unasked.err]).toEqual([2, expect.stringContaining('slot souk_move_1_back')])
    const { code, out } = await souk.run([...TYPED, '--yes', '--watch'])
    expect(code).toBe(0)
    expect(out).toContain('given up; the merchant stays where it was')
    expect(out).toContain('Left in big-1')
    expect(out).toContain('\n    select pg_drop_replication_slot(…);\n    do $$ … $$;')
    expect(asked()).toEqual([true, true, false].map((dry_run) => ({ cell: 'big-1', dry_run })))
  })

  test('follows a move that was behind the fence to its end, and is content with it', async () => {
    souk.answers[`POST ${PATH}`] = () => ({ body: { ...LOST, state: 'unfencing' } })
    const states = ['catching_up', 'aborting', 'aborted']
    souk.answers[`GET /v1/moves/${ID}`] = () => ({ body: { ...LOST, state: states.shift() ?? 'aborted' } })
    expect((await souk.run([...TYPED, '--yes', '--watch'])).code).toBe(0)
    expect(states).toEqual([])
  })

  test('needs the cell, and hands on why the platform refuses', async () => {
    expect((await souk.run(['move', 'abandon', 'acme'])).err).toContain('Missing required argument: cell')
    souk.answers[`POST ${PATH}`] = () => ({ status: 409, body: { title: 'Move refused', detail: 'The merchant lives in that cell.' } })
    const { code, err } = await souk.run([...TYPED, '--yes'])
    expect([code, err]).toEqual([1, 'Move refused: The merchant lives in that cell.\n'])
  })
})

describe('souk move abandon --all', () => {
  const ALL = ['move', 'abandon', '--all', '--cell', 'big-1']
  const OTHER = { ...STUCK, id: ID.replace('01a1', '01a2'), merchant_slug: 'beans' }
  const LIVES_THERE = { ...STUCK, id: ID.replace('01a1', '01a3'), merchant_slug: 'cups' }
  const asked = () => souk.heard.filter(({ path }) => path.endsWith('/abandon')).map(({ path, body }) => `${path} ${JSON.stringify(body)}`)
  const abandon = (id: string, dry_run: boolean) => `/v1/moves/${id}/abandon ${JSON.stringify({ cell: 'big-1', dry_run })}`

  beforeEach(() => {
    souk.answers['GET /v1/cells/big-1'] = () => ({ body: {} })
    souk.answers['GET /v1/moves'] = () => ({
      body: { data: [STUCK, { ...LOST, merchant_slug: 'given up before' }, OTHER, LIVES_THERE], next_cursor: null },
    })
    souk.answers[`POST /v1/moves/${OTHER.id}/abandon`] = () => ({
      body: { ...LOST, id: OTHER.id, merchant_slug: 'beans', left_behind: [] },
    })
    souk.answers[`POST /v1/moves/${LIVES_THERE.id}/abandon`] = () => ({
      status: 409,
      body: { title: 'Move refused', detail: 'The merchant lives in that cell.' },
    })
  })

  test('says in a dry run what becomes of each, and does nothing', async () => {
    const { code, out } = await souk.run([...ALL, '--dry-run'])
    expect(code).toBe(1)
    expect(out).toMatch(/acme +shared-1 +big-1 +aborting +slot souk_move_1_back, the rows of acme/)
    expect(out).toMatch(/beans .* nothing/)
    expect(out).toMatch(/cups .* Move refused: The merchant lives in that cell\./)
    expect(out).not.toContain('given up before')
    expect(asked()).toEqual([STUCK, OTHER, LIVES_THERE].map(({ id }) => abandon(id, true)))
  })

  test('asks once, ends those that can be ended, and names the others', async () => {
    expect((await souk.run(ALL)).err).toContain('for the moves of acme, beans')
    souk.heard.length = 0
    const { code, out } = await souk.run([...ALL, '--yes', '--json'])
    expect(code).toBe(1)
    const told = JSON.parse(out) as { abandoned: { merchant_slug: string }[]; refused: { move: { merchant_slug: string } }[] }
    expect(told.abandoned.map(({ merchant_slug: slug }) => slug)).toEqual(['acme', 'beans'])
    expect(told.refused.map(({ move }) => move.merchant_slug)).toEqual(['cups'])
    expect(asked().slice(3)).toEqual([STUCK, OTHER].map(({ id }) => abandon(id, false)))
  })

  test('is content where no move waits, and needs a merchant or --all', async () => {
    souk.answers['GET /v1/moves'] = () => ({ body: { data: [], next_cursor: null } })
    expect(await souk.run([...ALL, '--yes'])).toMatchObject({ code: 0, out: expect.stringContaining('No move waits for big-1.') })
    expect(await souk.run(['move', 'abandon', '--cell', 'big-1'])).toMatchObject({ code: 2, err: expect.stringContaining('--all') })
    expect((await souk.run([...ALL, 'acme'])).code).toBe(2)
  })
})

test('what was left behind is shown with the move as long as it is known', async () => {
  souk.answers['GET /v1/moves'] = () => ({ body: { data: [{ ...LOST, state: 'aborted' }], next_cursor: null } })
  expect((await souk.run(['move', 'show', 'acme'])).out).toContain('    select pg_drop_replication_slot(…);')
})

test('the doctor says what there is against a move that waits for a cell', async () => {
  souk.answers['GET /v1/cells'] = () => ({ body: { data: [] } })
  souk.answers['GET /v1/workers'] = () => ({ body: { data: [] } })
  souk.answers['GET /v1/audit/verification'] = () => ({ body: { intact: true, verified_entries: 9 } })
  expect((await souk.run(['doctor'])).out).toContain('souk move abandon acme --cell <name>')
})
