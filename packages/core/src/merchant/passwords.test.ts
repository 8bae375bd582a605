import { describe, expect, it } from 'vitest'
import { hashPassword, verifyPassword } from './passwords.ts'

describe('a password', () => {
  it('is kept as a salted hash that names its own cost, and is known again', async () => {
    const [first, second] = await Promise.all([hashPassword('correct horse'), hashPassword('correct horse')])
    expect(first).toMatch(/^scrypt\$N=32768,r=8,p=1\$[A-Za-z0-9_-]{22}\$[A-Za-z0-9_-]{43}$/)
    expect(second).not.toBe(first)
    expect(await verifyPassword('correct horse', first)).toBe(true)
    expect(await verifyPassword('correct horsE', first)).toBe(false)
    expect(await verifyPassword('', first)).toBe(false)
  })

  it('is the same in every normal form of its letters', async () => {
    expect(await verifyPassword('cafe\u0301 au lait', await hashPassword('caf\u00e9 au lait'))).toBe(true)
  })

  it('is verified at the cost it was hashed with', async () => {
    // A weaker hash, as an older version may have written it.
    const { scryptSync } = await import('node:crypto')
    const salt = Buffer.alloc(16, 7)
    const hash = scryptSync('old password', salt, 32, { N: 1024, r: 8, p: 1 })
    const stored = `scrypt$N=1024,r=8,p=1$${salt.toString('base64url')}$${hash.toString('base64url')}`
    expect(await verifyPassword('old password', stored)).toBe(true)
    expect(await verifyPassword('new password', stored)).toBe(false)
  })

  it('of nobody takes the same work, and is never right', async () => {
    const clock = async (stored: string | undefined) => {
      const started = process.cpuUsage()
      expect(await verifyPassword('guess', stored)).toBe(false)
      const { user, system } = process.cpuUsage(started)
      return user + system
    }
    const stored = await hashPassword('something else')
    await clock(stored)
    // The least of three: whatever else this process does meanwhile counts too.
    const least = async (hash: string | undefined) => Math.min(await clock(hash), await clock(hash), await clock(hash))
    const [known, unknown] = [await least(stored), await least(undefined)]
    expect(unknown).toBeGreaterThan(known / 3)
    expect(unknown).toBeLessThan(known * 3)
  })

  it('that was stored malformed is an error, not a refusal', async () => {
    await expect(verifyPassword('x', 'plaintext')).rejects.toThrow('malformed')
  })
})
