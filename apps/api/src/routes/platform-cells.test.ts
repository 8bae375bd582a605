import { newId } from '@souk/core/ids.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApi, PASSWORD, type TestApi } from '../testing/api.ts'
import { addCells, CELLS } from '../testing/twin-cells.ts'

const PLATFORM = 'platform.localhost'

let api: TestApi
let token: string

beforeAll(async () => {
  api = await createTestApi()
  await addCells(api)
  token = await api.adminToken()
})
afterAll(() => api.close())

const get = (url: string) => api.call(PLATFORM, { url, token })
const post = (url: string, payload?: object) => api.call(PLATFORM, { method: 'POST', url, token, ...(payload && { payload }) })
const patch = (url: string, payload: object) => api.call(PLATFORM, { method: 'PATCH', url, token, payload })
const slugOf = (answer: { body: { type: string } }) => answer.body.type.split('/').at(-1)
const actions = async () => (await api.platformSql`select action from platform.audit order by sequence`).map((row) => row.action)

/** A merchant that the directory alone knows. */
async function housed(slug: string, cell = CELLS.home): Promise<string> {
  const id = newId(api.clock.now)
  await api.platformSql`insert into platform.merchant (id, slug, name, status) values (${id}, ${slug}, ${slug}, 'active')`
  await api.platformSql`insert into platform.home (merchant_id, cell, epoch) values (${id}, ${cell}, 1)`
  return id
}

describe('cells', () => {
  it('are listed with who lives there and whether they can be reached', async () => {
    const { body } = await get('/v1/cells')
    expect(body.data).toMatchObject([
      { name: CELLS.home, kind: 'shared', status: 'open', reachable: true, merchant_count: 0, move_count: 0, checked_at: null },
      { name: CELLS.other, kind: 'shared', status: 'open', reachable: false },
    ])
    expect((await get(`/v1/cells/${CELLS.home}`)).body).toEqual(body.data[0])
    expect((await get('/v1/cells/no-such')).status).toBe(404)
    expect((await get('/v1/cells/NO')).status).toBe(400)
  })

  it('are looked at, tried, registered, drained and retired, and it is written down', async () => {
    const name = CELLS.spare
    const before = (await actions()).length
    const tried = await post('/v1/cells', { name, kind: 'shared', dry_run: true })
    expect([tried.status, tried.body.status]).toEqual([200, 'open'])
    expect((await get(`/v1/cells/${name}`)).status).toBe(404)
    const made = await post('/v1/cells', { name, kind: 'shared' })
    expect(made.status).toBe(201)
    expect(made.body.findings).toContainEqual({ check: 'wal_level', outcome: 'passed', detail: 'wal_level is logical.' })
    expect(slugOf(await post('/v1/cells', { name, kind: 'shared' }))).toBe('duplicate')
    expect((await post(`/v1/cells/${name}/checks`)).body).toMatchObject({ name, status: 'open' })
    expect((await patch(`/v1/cells/${name}`, { status: 'draining', dry_run: true })).body.status).toBe('draining')
    expect((await get(`/v1/cells/${name}`)).body.status).toBe('open')
    expect((await patch(`/v1/cells/${name}`, { status: 'draining' })).body.status).toBe('draining')
    expect((await patch(`/v1/cells/${name}`, { status: 'retired' })).body.status).toBe('retired')
    expect(slugOf(await patch(`/v1/cells/${name}`, { status: 'open' }))).toBe('invalid-state')
    expect((await actions()).slice(before)).toEqual(['cell.register', 'cell.check', 'cell.set_status', 'cell.set_status'])
  })

  it('that are not known here, or not fit, are refused with the reason', async () => {
    expect(slugOf(await post('/v1/cells', { name: 'nowhere', kind: 'shared' }))).toBe('cell-unreachable')
    api.options.cells.readdress({
      [CELLS.home]: { platform: api.shop.database.url('souk_platform'), app: api.shop.database.url('souk_app') },
      twin: { platform: api.shop.database.url('souk_platform'), app: api.shop.database.adminUrl },
    })
    const unfit = await post('/v1/cells', { name: 'twin', kind: 'shared' })
    expect([unfit.status, slugOf(unfit)]).toEqual([422, 'cell-unfit'])
    const failed = unfit.body.findings.filter(({ outcome }: { outcome: string }) => outcome === 'failed')
    expect(failed.map(({ check }: { check: string }) => check)).toEqual(['identity', 'app role'])
    expect(unfit.text).not.toContain('postgres://')
  })
})

describe('moves', () => {
  it('are tried, asked for once, followed and cancelled', async () => {
    const merchant = await housed('mover')
    const before = (await actions()).length
    const wish = { merchant_id: merchant, to_cell: CELLS.other }
    const tried = await post('/v1/moves', { ...wish, dry_run: true })
    expect([tried.status, tried.body.state]).toEqual([200, 'requested'])
    expect((await get('/v1/moves')).body.data).toEqual([])
    const asked = await post('/v1/moves', wish)
    expect(asked.status).toBe(202)
    expect(asked.body).toMatchObject({ merchant_slug: 'mover', from_cell: CELLS.home, to_cell: CELLS.other, state: 'requested' })
    const again = await post('/v1/moves', wish)
    expect([slugOf(again), again.body.reason]).toEqual(['move-refused', 'already-moving'])
    expect((await get(`/v1/moves/${asked.body.id}`)).body).toEqual(asked.body)
    expect((await get(`/v1/cells/${CELLS.other}`)).body.move_count).toBe(1)
    expect(slugOf(await patch(`/v1/cells/${CELLS.other}`, { status: 'retired' }))).toBe('cell-occupied')
    expect((await post(`/v1/moves/${asked.body.id}/rollback`, {})).body.reason).toBe('not-watching')
    expect((await post(`/v1/moves/${asked.body.id}/cancel`, { dry_run: true })).body.state).toBe('aborting')
    expect((await get(`/v1/moves/${asked.body.id}`)).body.state).toBe('requested')
    expect((await post(`/v1/moves/${asked.body.id}/cancel`, {})).body.state).toBe('aborting')
    expect((await actions()).slice(before)).toEqual(['move.request', 'move.cancel'])
    const unfinished = await get(`/v1/moves?unfinished=true&merchant_id=${merchant}`)
    expect(unfinished.body.data.map(({ id }: { id: string }) => id)).toEqual([asked.body.id])
  })

  it('are rolled back or finished while they are watched', async () => {
    for (const [step, state] of [
      ['rollback', 'rolling_back'],
      ['finish', 'retiring'],
    ] as const) {
      const asked = await post('/v1/moves', { merchant_id: await housed(`watched-${step}`), to_cell: CELLS.other })
      await api.platformSql`update platform.move set state = 'watching' where id = ${asked.body.id}`
      expect((await post(`/v1/moves/${asked.body.id}/${step}`, {})).body.state).toBe(state)
      expect(slugOf(await post(`/v1/moves/${asked.body.id}/cancel`, {}))).toBe('move-refused')
    }
  })

  it.each([
    ['of nobody', async () => ({ merchant_id: newId(), to_cell: CELLS.other }), 'not-found'],
    ['to nowhere', async () => ({ merchant_id: await housed('to-nowhere'), to_cell: 'nowhere' }), 'not-found'],
    ['to where it is', async () => ({ merchant_id: await housed('at-home'), to_cell: CELLS.home }), 'move-refused'],
    ['to a retired cell', async () => ({ merchant_id: await housed('to-the-past'), to_cell: CELLS.spare }), 'cell-closed'],
  ])('%s are refused, and nothing is written down', async (_what, wish, problem) => {
    const payload = await wish()
    const before = (await actions()).length
    expect(slugOf(await post('/v1/moves', payload))).toBe(problem)
    expect((await actions()).slice(before)).toEqual([])
  })
})

describe('a cell that is gone for good', () => {
  /** A move to a cell that nobody reaches, that far, and with a slot noted in both. */
  async function under(slug: string, state: string): Promise<{ id: string; merchant: string }> {
    const merchant = await housed(slug)
    const { body } = await post('/v1/moves', { merchant_id: merchant, to_cell: CELLS.other })
    await api.platformSql`update platform.move set state = ${state} where id = ${body.id}`
    await api.platformSql`
      insert into platform.move_object (move_id, cell, kind, name)
      values (${body.id}, ${CELLS.other}, 'slot', ${`${slug}_back`}), (${body.id}, ${CELLS.home}, 'slot', ${`${slug}_forward`})`
    return { id: body.id, merchant }
  }
  const abandon = (id: string, cell: string, more = {}) => post(`/v1/moves/${id}/abandon`, { cell, ...more })
  const reasonOf = ({ body }: { body: { type: string; reason?: string } }) => [slugOf({ body }), body.reason]

  it('is tried, given up once for a move, and what is left there is told, then and later', async () => {
    const { id, merchant } = await under('stranded', 'aborting')
    const before = (await actions()).length
    const left = [{ kind: 'slot', name: 'stranded_back', removal: expect.stringContaining("slot_name = 'stranded_back'") }]
    const said = { state: 'aborting', lost_cell: CELLS.other, left_behind: left, failure: `The cell ${CELLS.other} was given up as lost.` }
    expect((await abandon(id, CELLS.other, { dry_run: true })).body).toMatchObject(said)
    expect((await get(`/v1/moves/${id}`)).body).toMatchObject({ state: 'aborting', lost_cell: null, left_behind: [] })
    expect((await abandon(id, CELLS.other)).body).toMatchObject(said)
    expect((await get(`/v1/moves?merchant_id=${merchant}`)).body.data).toMatchObject([said])
    expect(reasonOf(await abandon(id, CELLS.other))).toEqual(['move-refused', 'already-lost'])
    expect((await actions()).slice(before)).toEqual(['move.abandon'])
    const [entry] = await api.platformSql`select data from platform.audit where action = 'move.abandon' order by sequence desc limit 1`
    expect(entry!.data).toEqual({ move: id, from: CELLS.home, to: CELLS.other, cell: CELLS.other })
  })

  it('is refused where the merchant lives, which a backup alone brings back; for another move; and for one that has ended', async () => {
    const { id } = await under('at-home-there', 'aborting')
    const refused = await abandon(id, CELLS.home)
    expect([...reasonOf(refused), refused.body.detail]).toEqual(['move-refused', 'lives-there', expect.stringContaining('backup')])
    expect(reasonOf(await abandon(id, 'elsewhere'))).toEqual(['move-refused', 'not-of-the-move'])
    await api.platformSql`update platform.move set state = 'aborted' where id = ${id}`
    expect(reasonOf(await abandon(id, CELLS.other))).toEqual(['move-refused', 'has-ended'])
    expect(slugOf(await abandon(newId(), CELLS.other))).toBe('not-found')
  })

  it('is refused as long as it answers, also to a wrong password; not once its database is dropped', async () => {
    const { id } = await under('not-gone', 'watching')
    const url = new URL(api.shop.database.url('souk_platform'))
    const readdressed = (change: (address: URL) => void) => {
      const address = new URL(url)
      change(address)
      api.options.cells.readdress({ [CELLS.home]: { platform: address.toString(), app: address.toString() } })
    }
    readdressed(() => {})
    expect(reasonOf(await abandon(id, CELLS.home))).toEqual(['move-refused', 'cell-answers'])
    readdressed((address) => {
      address.password = 'wrong'
    })
    expect(reasonOf(await abandon(id, CELLS.home, { dry_run: true }))).toEqual(['move-refused', 'cell-answers'])
    expect((await get(`/v1/moves/${id}`)).body).toMatchObject({ state: 'watching', lost_cell: null })
    readdressed((address) => {
      address.pathname = '/nowhere'
    })
    const { body } = await abandon(id, CELLS.home)
    expect(body).toMatchObject({ state: 'retiring', lost_cell: CELLS.home })
    expect(body.left_behind.map(({ kind }: { kind: string }) => kind)).toEqual(['slot', 'rows'])
    readdressed(() => {})
  })

  it('is not for viewers to give up', async () => {
    const { id } = await under('viewed', 'aborting')
    const { body: invited } = await post('/v1/admins', { email: 'viewer@souk.example', role: 'viewer' })
    await api.call(PLATFORM, { method: 'POST', url: '/v1/password', payload: { token: invited.invitation.token, password: PASSWORD } })
    const session = { email: 'viewer@souk.example', password: PASSWORD }
    const viewer = (await api.call(PLATFORM, { method: 'POST', url: '/v1/sessions', payload: session })).body.access_token
    const payload = { cell: CELLS.other, dry_run: true }
    const refused = await api.call(PLATFORM, { method: 'POST', url: `/v1/moves/${id}/abandon`, token: viewer, payload })
    expect([refused.status, slugOf(refused)]).toEqual([403, 'insufficient-scope'])
  })
})

describe('draining', () => {
  it('says who would go where, and asks for those moves', async () => {
    await api.platformSql`insert into platform.cell (name, kind) values ('leaving', 'shared'), ('full-1', 'dedicated')`
    const [first, second] = [await housed('leaves-first', 'leaving'), await housed('leaves-second', 'leaving')]
    const planned = await post('/v1/cells/leaving/drain', { to_cell: CELLS.home, dry_run: true })
    expect(planned.body.cell.status).toBe('draining')
    expect(planned.body.merchants).toMatchObject([
      { merchant_id: first, merchant_slug: 'leaves-first', to_cell: CELLS.home, refusal: null },
      { merchant_id: second, to_cell: CELLS.home, refusal: null },
    ])
    expect((await get('/v1/cells/leaving')).body).toMatchObject({ status: 'open', move_count: 0 })
    const drained = await post('/v1/cells/leaving/drain', {})
    expect(drained.body.merchants.map((entry: { to_cell: string }) => entry.to_cell)).toEqual([CELLS.home, CELLS.home])
    expect((await get('/v1/cells/leaving')).body).toMatchObject({ status: 'draining', move_count: 2 })
    expect((await post('/v1/cells/leaving/drain', {})).body.merchants).toEqual([])
  })

  it.each([
    ['that is not there', 'nowhere', 'not-found'],
    ['that takes nobody', 'drained-1', 'cell-closed'],
    ['that is the one to be emptied', 'emptied', 'move-refused'],
  ])('into a cell %s is refused, and nothing is closed', async (_which, target, problem) => {
    await api.platformSql`
      insert into platform.cell (name, kind, status) values ('emptied', 'shared', 'open'), ('drained-1', 'shared', 'draining')
      on conflict do nothing`
    expect(slugOf(await post('/v1/cells/emptied/drain', { to_cell: target }))).toBe(problem)
    expect((await get('/v1/cells/emptied')).body.status).toBe('open')
  })

  it('says why a merchant cannot go', async () => {
    await api.platformSql`insert into platform.cell (name, kind) values ('stuck', 'shared')`
    await housed('stays', 'stuck')
    await housed('has-it', 'full-1')
    const { body } = await post('/v1/cells/stuck/drain', { to_cell: 'full-1' })
    expect(body.merchants).toMatchObject([{ merchant_slug: 'stays', move: null, refusal: 'The cell is dedicated to another merchant.' }])
  })
})

it('a merchant is found by its slug, and those of a cell by its name', async () => {
  await housed('find-me')
  const bySlug = await get('/v1/merchants?slug=find-me')
  expect(bySlug.body.data).toMatchObject([{ slug: 'find-me', cell: CELLS.home }])
  expect((await get('/v1/merchants?cell=stuck')).body.data.map(({ slug }: { slug: string }) => slug)).toEqual(['stays'])
  const page = await get('/v1/merchants?cell=leaving&limit=1')
  const rest = await get(`/v1/merchants?cell=leaving&limit=1&cursor=${page.body.next_cursor}`)
  expect([...page.body.data, ...rest.body.data].map(({ slug }: { slug: string }) => slug)).toEqual(['leaves-second', 'leaves-first'])
  expect(slugOf(await get(`/v1/merchants?cell=stuck&cursor=${page.body.next_cursor}`))).toBe('invalid-cursor')
})
