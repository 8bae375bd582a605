import { readdir, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adoptArchive } from './adopt-archive.ts'
import { Archives } from './archives.ts'
import { findErasure } from './erasures.ts'
import { ATTEMPTS_MAX, MerchantWorks, TURNS_MAX } from './merchant-works.ts'
import { requestErasure, requestExport, requestRestore, requestSandbox } from './request-works.ts'
import { workOnce } from './run-merchant-works.ts'
import { type LifeHouse, NOW, openLifeHouse } from './testing/life-house.ts'

// Works that do not come to a good end, and what they leave behind.

let house: LifeHouse
beforeAll(async () => {
  house = await openLifeHouse()
})
afterAll(() => house.close())

const asked = () => ({ adminId: house.adminId, now: NOW })
const works = () => new MerchantWorks(house.directory)

test.each([
  ['an export', 'draft written'],
  ['an export', 'file kept'],
  ['a sandbox', 'part restored'],
])('%s that fails for good at "%s" leaves no copy of the shop in the folder of archives', async (what, step) => {
  const { directory, merchant } = house
  const work =
    what === 'an export'
      ? await requestExport(directory, merchant.id, asked())
      : await requestSandbox(directory, { merchantId: merchant.id }, { slug: 'never', name: undefined, cell: 'shared-2' }, asked())
  const onStep = (name: string) => {
    if (name === step) throw new Error(`died: ${name}`)
  }
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    await workOnce({ ...house.deps, onStep })
    await directory`update platform.merchant_work set due_at = now() where id = ${work.id}`
  }
  expect(await works().find(work.id)).toMatchObject({ state: 'failed', failure: `died: ${step}` })
  expect(await filesOfArchives()).toEqual([])
})

test('a work under which worker after worker dies ends, and kills no more of them', async () => {
  const { directory, merchant } = house
  const { id } = await requestExport(directory, merchant.id, asked())
  await directory`update platform.merchant_work set attempts = ${TURNS_MAX} where id = ${id}`
  const outcomes: string[] = []
  await workOnce({ ...house.deps, onOutcome: ({ outcome }) => outcomes.push(outcome), onStep: () => expect.unreachable() })
  expect(outcomes).toEqual(['failed'])
  expect(await works().find(id)).toMatchObject({
    state: 'failed',
    failure: `It was begun ${TURNS_MAX} times and never came to an end: the workers died.`,
  })
})

test('media that cannot be reached are not taken for none: nothing is exported without them, and nothing certified', async () => {
  const { directory, merchant, mediaDir } = house
  await rename(mediaDir, `${mediaDir}.away`)
  try {
    const exported = await requestExport(directory, merchant.id, asked())
    const problems: string[] = []
    const onOutcome = ({ error }: { error?: unknown }) => void problems.push(String((error as Error | undefined)?.message))
    await workOnce({ ...house.deps, onOutcome })
    await directory`update platform.merchant_work set state = 'failed', failure = 'given up', finished_at = now() where id = ${exported.id}`
    const { id } = await requestErasure(directory, merchant.id, { slug: 'kaffa', reason: 'asked for', archives: 'erase' }, asked())
    await workOnce({ ...house.deps, onOutcome })
    expect(problems).toEqual(['the folder of media is not there', 'the folder of media is not there'])
    expect(await findErasure(directory, id)).toBeUndefined()
    await directory`update platform.merchant_work set state = 'failed', failure = 'given up', finished_at = now() where id = ${id}`
  } finally {
    await rename(`${mediaDir}.away`, mediaDir)
    await directory`update platform.merchant set status = 'active' where id = ${merchant.id}`
  }
})

test('a merchant that was written to after the archive that is to have all of it is not erased, and lives on suspended', async () => {
  const { directory, merchant, neighbour } = house
  const exported = await house.finish(await requestExport(directory, merchant.id, asked()))
  const given = { slug: 'kaffa', reason: 'replaced', archives: 'keep', keptIn: exported.id } as const
  // Of another merchant, it has nothing of this one.
  await expect(requestErasure(directory, neighbour.id, { ...given, slug: 'neighbour' }, asked())).rejects.toMatchObject({
    code: 'not_found',
  })
  const admin = house.admins['shared-1']!
  await admin`insert into location (merchant_id, name) values (${merchant.id}, 'opened meanwhile')`
  const refused = await house.finish(await requestErasure(directory, merchant.id, given, asked()), {
    onStep: dyingOnceAt('shut out', 'let in again'),
  })
  expect(refused).toMatchObject({
    state: 'failed',
    failure: 'The merchant was written to after its archive was made: location. Nothing was erased; the merchant is suspended.',
  })
  expect(await directory`select status, slug from platform.merchant where id = ${merchant.id}`).toEqual([
    { status: 'suspended', slug: 'kaffa' },
  ])
  expect(await admin`select epoch, state from tenancy.home where merchant_id = ${merchant.id}`).toEqual([{ epoch: '1', state: 'active' }])
  expect(await admin`select 1 from tenancy.merchant_work`).toHaveLength(0)

  const again = await house.finish(await requestExport(directory, merchant.id, asked()))
  const erased = await house.finish(await requestErasure(directory, merchant.id, { ...given, keptIn: again.id }, asked()))
  expect(erased).toMatchObject({ state: 'done', failure: null })
})

test('an archive of a closed shop has what those wrote who were inside when it was closed', async () => {
  const { directory, neighbour } = house
  const admin = house.admins['shared-1']!
  await directory`update platform.merchant set status = 'suspended' where id = ${neighbour.id}`
  const work = await requestExport(directory, neighbour.id, asked())
  const inside = Promise.withResolvers<void>()
  const writing = admin.begin(async (tx) => {
    // As one who came in by the door.
    await tx`select pg_advisory_xact_lock_shared(hashtextextended(${neighbour.id}, 4242))`
    await tx`insert into location (merchant_id, name) values (${neighbour.id}, 'written at the last moment')`
    await inside.promise
  })
  const exporting = house.finish(work)
  const waiting = () => directory`select 1 from pg_locks where locktype = 'advisory' and not granted`
  await expect
    .poll(async () => (await waiting()).length, { timeout: 180_000 })
    .toBeGreaterThan(0)
    .finally(inside.resolve)
  await writing
  const { figures } = await exporting
  const [{ count }] = await admin<[{ count: number }]>`select count(*)::int as count from location where merchant_id = ${neighbour.id}`
  expect(figures.rows).toMatchObject({ location: count })
  await directory`update platform.merchant set status = 'active' where id = ${neighbour.id}`
})

test('a sandbox is one wherever its archive is restored', async () => {
  const { directory, neighbour } = house
  const made = { slug: 'neighbour-sandbox', name: undefined, cell: 'shared-2' }
  const sandbox = await house.finish(await requestSandbox(directory, { merchantId: neighbour.id }, made, asked()))
  const exported = await house.finish(await requestExport(directory, sandbox.merchantId, asked()))
  const foreign = await openLifeHouse()
  try {
    const archive = await adoptArchive(foreign.deps, house.deps.archives.pathOf(exported.id), NOW)
    const restored = await foreign.finish(
      await requestRestore(
        foreign.directory,
        archive,
        { slug: 'from-afar', cell: 'shared-2', open: true },
        { adminId: foreign.adminId, now: NOW },
      ),
    )
    expect(restored).toMatchObject({ state: 'done', failure: null })
    expect(await foreign.directory`select sandbox from platform.merchant where id = ${sandbox.merchantId}`).toEqual([{ sandbox: true }])
  } finally {
    await foreign.close()
  }
})

test('a certificate counts the archives that were there, and names the sandboxes that have the data of the shop still', async () => {
  const { directory, neighbour } = house
  const [kept, deleted] = [
    await house.finish(await requestExport(directory, neighbour.id, asked())),
    await house.finish(await requestExport(directory, neighbour.id, asked())),
  ]
  await new Archives(directory).markDeleted(deleted.id, house.adminId, NOW)
  const listed = await new Archives(directory).list({ merchantId: neighbour.id, before: undefined, limit: 100 })
  expect(listed.map(({ id }) => id)).toContain(kept.id)
  const sandboxes = await directory<
    { id: string }[]
  >`select id from platform.merchant where sandbox_of = ${neighbour.id} and status = 'active'`
  expect(sandboxes).toHaveLength(1)
  const work = await house.finish(
    await requestErasure(directory, neighbour.id, { slug: 'neighbour', reason: 'asked for', archives: 'erase' }, asked()),
    { onStep: dyingOnceAt('media erased', 'archives erased', 'cells left') },
  )
  expect(work).toMatchObject({ state: 'done', failure: null })
  expect((await findErasure(directory, work.id))!.content).toMatchObject({
    archives: { erased: listed.length, kept: [] },
    sandboxes: sandboxes.map(({ id }) => id),
  })
})

/** Throws once at each of these steps, as a worker does that dies there. */
function dyingOnceAt(...steps: string[]): (name: string) => void {
  const left = new Set(steps)
  return (name) => {
    if (left.delete(name)) throw new Error(`died: ${name}`)
  }
}

async function filesOfArchives(): Promise<string[]> {
  return readdir(dirname(house.deps.archives.pathOf('any')))
}
