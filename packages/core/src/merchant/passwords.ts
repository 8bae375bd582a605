import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

export const PASSWORD_LENGTH_MIN = 10
export const PASSWORD_LENGTH_MAX = 200

interface Cost {
  N: number
  r: number
  p: number
}

// 32 MiB and about 80 ms of one core per guess.
const COST: Cost = { N: 2 ** 15, r: 8, p: 1 }
const HASH_BYTES = 32
const SALT_BYTES = 16
const STORED = /^scrypt\$N=(\d{1,8}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9_-]+)\$([A-Za-z0-9_-]+)$/

// Stands in for the hash of somebody who does not exist, so that finding nobody takes as long as a wrong password.
const NOBODY = format(COST, randomBytes(SALT_BYTES), randomBytes(HASH_BYTES))

/** A salted scrypt hash that carries its own parameters, so that they can be raised later. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  return format(COST, salt, await derive(password, salt, COST))
}

/** True when the password is the hashed one. Without a hash it does the same work and answers false. */
export async function verifyPassword(password: string, stored: string | undefined): Promise<boolean> {
  const match = STORED.exec(stored ?? NOBODY)
  if (!match) throw new Error('a stored password hash is malformed')
  const [, N, r, p, salt, hash] = match
  const expected = Buffer.from(hash!, 'base64url')
  const given = await derive(password, Buffer.from(salt!, 'base64url'), { N: Number(N), r: Number(r), p: Number(p) })
  return given.length === expected.length && timingSafeEqual(given, expected) && stored !== undefined
}

function derive(password: string, salt: Buffer, cost: Cost): Promise<Buffer> {
  const maxmem = 2 * 128 * cost.N * cost.r
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, HASH_BYTES, { ...cost, maxmem }, (error, key) => (error ? reject(error) : resolve(key)))
  })
}

function format({ N, r, p }: Cost, salt: Buffer, hash: Buffer): string {
  return `scrypt$N=${N},r=${r},p=${p}$${salt.toString('base64url')}$${hash.toString('base64url')}`
}
