import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Account, chooseAccount, closedFolder } from './account.ts'

const stranger: Account = { name: 'stranger', uid: 65_533, gid: 65_533 }
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'souk-account-'))
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, 'home', 'checkout'), { recursive: true })
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('names the first folder on the way that the account may not enter', () => {
  const checkout = join(folder, 'home', 'checkout')
  expect(closedFolder(stranger, [folder, checkout])).toBeUndefined()
  chmodSync(join(folder, 'home'), 0o700)
  expect(closedFolder(stranger, [folder, checkout])).toBe(join(folder, 'home'))
})

test('a folder still to be made does not stand in the way', () => {
  expect(closedFolder(stranger, [join(folder, 'home', 'checkout', 'state', 'postgres')])).toBeUndefined()
})

describe.runIf(process.getuid?.() === 0)('as root', () => {
  test('takes an account that is not root', () => {
    const account = chooseAccount(join(folder, 'home', 'data'))
    expect(account?.uid).toBeGreaterThan(0)
  })

  test('says what is closed and the ways out', () => {
    const home = join(folder, 'home')
    chmodSync(home, 0o700)
    expect(() => chooseAccount(join(home, 'checkout', 'data'))).toThrow(`chmod o+x ${home}`)
    expect(() => chooseAccount(join(home, 'checkout', 'data'))).toThrow('DATABASE_URL')
  })
})

describe.runIf(process.getuid?.() !== 0)('as a normal user', () => {
  test('needs no other account', () => {
    expect(chooseAccount(join(folder, 'home', 'data'))).toBeUndefined()
  })
})
