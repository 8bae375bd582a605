import { readMigrations } from '@souk/migrations/files.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type ProcessReportOptions, startProcessReport, TooOld } from './process-report.ts'
import { SCHEMA_VERSION } from './schema-version.ts'
import { openTestHouse, type TestHouse } from './test-merchants.ts'

let house: TestHouse
let options: ProcessReportOptions
beforeAll(async () => {
  house = await openTestHouse()
  options = { directoryUrl: house.database.url('souk_app'), kind: 'worker', onTooOld: () => {}, onError: () => {}, beatMs: 20 }
})
afterAll(() => house.close())

const processes = async () => [...(await house.admin`select kind, directory_version, cell_version from platform.process`)]
const setFloor = (version: number) => house.admin`update platform.schema_floor set version = ${version} where set = 'cell'`

test('the version that this code says it was written for is that of the newest files', async () => {
  const [directory, cell] = [await readMigrations('directory'), await readMigrations('cell')]
  expect(SCHEMA_VERSION).toEqual({ directory: directory.length, cell: cell.length })
})

test('a process is known with its schema while it runs, and no longer when it has ended', async () => {
  const report = await startProcessReport(options)
  expect(await processes()).toEqual([{ kind: 'worker', directory_version: SCHEMA_VERSION.directory, cell_version: SCHEMA_VERSION.cell }])
  await house.admin`update platform.process set beat_at = now() - interval '1 hour'`
  await expect
    .poll(async () => [...(await house.admin`select 1 from platform.process where beat_at > now() - interval '1 minute'`)])
    .toHaveLength(1)
  await report.stop()
  expect(await processes()).toEqual([])
})

test('a process too old for the schema is told so at its start, or while it runs', async () => {
  const version = { directory: 7, cell: 40 }
  const onTooOld = vi.fn()
  const report = await startProcessReport({ ...options, version, onTooOld })
  expect(onTooOld).not.toHaveBeenCalled()
  await setFloor(41)
  await expect.poll(() => onTooOld.mock.calls.length).toBe(1)
  await report.stop()
  await expect(startProcessReport({ ...options, version })).rejects.toThrow(TooOld)
  await setFloor(40)
  await (await startProcessReport({ ...options, version })).stop()
  await setFloor(0)
})

test('a directory that does not answer stops nobody', async () => {
  const failures: unknown[] = []
  const gone = new URL(options.directoryUrl)
  gone.pathname = '/not_there'
  const onTooOld = vi.fn()
  const report = await startProcessReport({ ...options, directoryUrl: gone.toString(), onTooOld, onError: (error) => failures.push(error) })
  await expect.poll(() => failures.length).toBeGreaterThan(1)
  expect(onTooOld).not.toHaveBeenCalled()
  await report.stop()
})

test('nobody but the directory`s owner can raise the floor or read who runs', async () => {
  const app = postgres(options.directoryUrl, { max: 1 })
  await expect(app`select * from platform.process`).rejects.toMatchObject({ code: '42501' })
  await expect(app`update platform.schema_floor set version = 1000`).rejects.toMatchObject({ code: '42501' })
  await app.end()
})
