import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { SecretBox } from './secret-box.ts'

const old = { kid: 'k1', secret: randomBytes(32) }
const young = { kid: 'k2', secret: randomBytes(32) }
const PLACE = ['merchant', 'install', 'api_key']

describe('SecretBox', () => {
  it('opens what it sealed, and never seals the same way twice', () => {
    const box = new SecretBox({ keys: [old] }, 'test')
    const sealed = box.seal('geheim', PLACE)
    expect(box.open(sealed, PLACE)).toBe('geheim')
    expect(sealed).not.toContain('geheim')
    expect(box.seal('geheim', PLACE)).not.toBe(sealed)
  })

  it('opens what an older key sealed, while that key is there', () => {
    const sealed = new SecretBox({ keys: [old] }, 'test').seal('geheim', PLACE)
    expect(new SecretBox({ keys: [young, old] }, 'test').open(sealed, PLACE)).toBe('geheim')
    expect(() => new SecretBox({ keys: [young] }, 'test').open(sealed, PLACE)).toThrow('not configured')
  })

  it.each([
    ['another merchant', ['other', 'install', 'api_key']],
    ['another name', ['merchant', 'install', 'other']],
    ['places joined otherwise', ['merchant', 'install,api_key']],
  ])('does not open for %s', (_what, place) => {
    const box = new SecretBox({ keys: [old] }, 'test')
    expect(() => box.open(box.seal('geheim', PLACE), place)).toThrow()
  })

  it('does not open for another purpose, edited or cut short', () => {
    const box = new SecretBox({ keys: [old] }, 'test')
    const sealed = box.seal('geheim', PLACE)
    expect(() => new SecretBox({ keys: [old] }, 'other').open(sealed, PLACE)).toThrow()
    expect(() => box.open(`${sealed.slice(0, -6)}AAAAAA`, PLACE)).toThrow()
    expect(() => box.open(sealed.slice(0, 20), PLACE)).toThrow()
  })
})
