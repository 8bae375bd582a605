import { createHash, randomBytes } from 'node:crypto'

const SECRET_BYTES = 32
const TOKEN = /^admin_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/

/** What an admin sets a password with, once; and what is kept of it. */
export function newAdminToken(adminId: string): { token: string; hash: string } {
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  return { token: `admin_${adminId.replaceAll('-', '')}_${secret}`, hash: hashOf(secret) }
}

export function readAdminToken(token: string): { id: string; hash: string } | undefined {
  const match = TOKEN.exec(token)
  return match ? { id: match.slice(1, 6).join('-'), hash: hashOf(match[6]!) } : undefined
}

/** The secret is long and random: its hash may be compared by the database. */
function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url')
}
