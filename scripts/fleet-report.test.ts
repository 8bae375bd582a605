import type { FleetStatus } from '@souk/migrations/fleet-status.ts'
import { expect, test } from 'vitest'
import { fleetAddresses } from './fleet-addresses.ts'
import { describeFleet, describeProgress } from './fleet-report.ts'

const quiet: FleetStatus = {
  target: { directory: 9, cell: 30 },
  directoryVersion: 9,
  cells: [{ cell: 'shared-1', version: 30, problem: undefined, behind: 0, latest: undefined }],
  processes: [],
  floor: { directory: 0, cell: 0 },
  latest: undefined,
  contracts: { files: [], blockers: [] },
}

test('a fleet that is where it shall be is said in few lines', () => {
  expect(describeFleet(quiet)).toEqual([
    'Newest files: directory 9, cell 30. The directory is at 9.',
    '  shared-1: 30, the newest',
    'No process has said that it runs.',
  ])
})

test('what is behind, failed, silent or in the way is named', () => {
  const at = new Date('2026-03-01T10:00:00Z')
  const failed = { cell: 'shared-2', wave: 1, state: 'failed' as const, attempts: 20, version: 28, failure: 'no room', updatedAt: at }
  const lines = describeFleet({
    ...quiet,
    cells: [
      { cell: 'shared-2', version: 28, problem: undefined, behind: 2, latest: failed },
      { cell: 'big-1', version: undefined, problem: 'no owner address was given', behind: undefined, latest: undefined },
    ],
    processes: [{ id: '1', kind: 'worker', host: 'box:1', version: { directory: 9, cell: 28 }, beatAt: at, living: false }],
    floor: { directory: 0, cell: 28 },
    latest: { id: '1', upTo: 'expand', state: 'failed', failure: 'no room', startedAt: at, finishedAt: at },
    contracts: { files: ['cell/0030_less.sql'], blockers: ['shared-2 is at cell 28, before 29'] },
  })
  expect(lines.slice(1)).toEqual([
    '  shared-2: 28, 2 behind; failed last time: no room',
    '  big-1: not known: no owner address was given',
    'Processes:',
    '  worker box:1: written for directory 9, cell 28, silent: taken for gone',
    'Programs older than directory 0, cell 28 are shut out.',
    'The last run (expand) began 2026-03-01T10:00:00.000Z and failed: no room',
    'Contracts to be made: cell/0030_less.sql.',
    'They wait:',
    '  shared-2 is at cell 28, before 29',
  ])
})

test('progress names the cell, its wave, and why it is tried again', () => {
  const progress = { cell: 'shared-2', wave: 0, state: 'migrating' as const, attempts: 1, done: 0, total: 3 }
  expect(describeProgress(progress)).toBe('[0/3] shared-2 (canary) attempt 1')
  expect(describeProgress({ ...progress, wave: 2, failure: 'lock timeout' })).toBe(
    '[0/3] shared-2 (wave 2) waits and tries again: lock timeout',
  )
  expect(describeProgress({ ...progress, state: 'done', done: 1 })).toBe('[1/3] shared-2 (canary) done')
})

test('addresses are those of the owner, and cells without one are left out', () => {
  const cells = JSON.stringify({ 'shared-1': { app: 'postgres://a', owner: 'postgres://o' }, 'shared-2': { app: 'postgres://b' } })
  expect(fleetAddresses({ SOUK_DIRECTORY_OWNER_URL: 'postgres://d', SOUK_CELLS: cells })).toEqual({
    directoryUrl: 'postgres://d',
    cells: { 'shared-1': 'postgres://o' },
  })
  expect(() => fleetAddresses({ SOUK_DIRECTORY_OWNER_URL: 'postgres://d' })).toThrow('SOUK_CELLS or SOUK_CELLS_FILE')
  expect(() => fleetAddresses({ SOUK_DIRECTORY_OWNER_URL: 'postgres://d', SOUK_CELLS: '{' })).toThrow('not JSON')
})
