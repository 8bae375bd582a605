import { createPrivateKey } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ensureKeys, openSecrets, openState, type State, statePaths } from './state.ts'

let folder: string
let state: State

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'souk-state-'))
  state = statePaths(join(folder, '.souk'))
})
afterEach(() => {
  chmodSync(folder, 0o700)
  rmSync(folder, { recursive: true, force: true })
})

test('secrets are made once, differ from each other, and are for their owner alone', () => {
  openState(state)
  const secrets = openSecrets(state)
  expect(openSecrets(state)).toEqual(secrets)
  const all = [...Object.values(secrets.roles), secrets.adminPassword, secrets.staffPassword]
  expect(new Set(all).size).toBe(all.length)
  for (const secret of all) expect(secret.length).toBeGreaterThanOrEqual(20)
  expect(statSync(state.secrets).mode & 0o077).toBe(0)
})

test('keys have the form that the apps read', () => {
  openState(state)
  ensureKeys(state)
  const text = readFileSync(state.keys, 'utf8')
  const { jwt, tokens } = JSON.parse(text)
  expect(createPrivateKey(jwt[0].privateKey).asymmetricKeyType).toBe('ed25519')
  expect(Buffer.from(tokens[0].secret, 'base64')).toHaveLength(32)
  expect(statSync(state.keys).mode & 0o077).toBe(0)
  ensureKeys(state)
  expect(readFileSync(state.keys, 'utf8')).toBe(text)
})

test('a file that was being written when a start was killed does not count', () => {
  openState(state)
  writeFileSync(`${state.secrets}.new`, '{"roles":')
  expect(openSecrets(state).adminPassword).toHaveLength(20)
})

test('a damaged file is named, and not replaced', () => {
  openState(state)
  writeFileSync(state.secrets, '{"roles":')
  expect(() => openSecrets(state)).toThrow(state.secrets)
  expect(readFileSync(state.secrets, 'utf8')).toBe('{"roles":')
})

describe.runIf(process.getuid?.() !== 0)('as a normal user', () => {
  test('a folder that may not be written is explained, with the way out', () => {
    mkdirSync(state.folder)
    chmodSync(state.folder, 0o500)
    expect(() => openState(state)).toThrow(/No permission for .*\.souk.*chown/s)
  })
})
