import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { candidateAccounts } from './account.ts'
import { findBinaries } from './binaries.ts'
import { reachableBinaries, reachableDataDir } from './elsewhere.ts'
import { makeThrowawayFolder } from './throwaway-folder.ts'

let folder: string
beforeEach(() => {
  folder = makeThrowawayFolder()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('data and programs stay where they are if they can be reached', () => {
  expect(reachableDataDir(join(folder, 'postgres'), join(folder, 'elsewhere'))).toBe(join(folder, 'postgres'))
  const binaries = findBinaries()
  expect(reachableBinaries(binaries, undefined, join(folder, 'elsewhere'))).toBe(binaries)
})

describe.runIf(process.getuid?.() === 0)('as root in a closed folder', () => {
  test('the data goes elsewhere, and stays there', () => {
    const home = join(folder, 'home')
    mkdirSync(home, { mode: 0o700 })
    const elsewhere = join(folder, 'elsewhere')
    const substitute = reachableDataDir(join(home, 'postgres'), elsewhere)
    expect(substitute.startsWith(elsewhere)).toBe(true)
    expect(reachableDataDir(join(home, 'postgres2'), elsewhere)).not.toBe(substitute)
    mkdirSync(substitute, { recursive: true })
    chmodSync(home, 0o755)
    expect(reachableDataDir(join(home, 'postgres'), elsewhere)).toBe(substitute)
  })

  test('the programs are copied to where the account can run them', () => {
    const [account] = candidateAccounts()
    const closed = join(folder, 'closed')
    mkdirSync(closed, { mode: 0o700 })
    const original = findBinaries()
    cpSync(join(original.folder, '..'), join(closed, 'native'), { recursive: true, verbatimSymlinks: true })
    const inClosed = { ...original, folder: join(closed, 'native', 'bin') }
    const copied = reachableBinaries(inClosed, account, join(folder, 'elsewhere'))
    const options = { uid: account!.uid, gid: account!.gid, cwd: '/', encoding: 'utf8' } as const
    expect(execFileSync(copied.postgres, ['--version'], options)).toContain('PostgreSQL) 18')
    expect(reachableBinaries(inClosed, account, join(folder, 'elsewhere'))).toEqual(copied)
  })
})
