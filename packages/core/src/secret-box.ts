import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import type { TokenKeys } from './capability.ts'

const CIPHER = 'aes-256-gcm'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * Seals what must not be readable in the database: AES-256-GCM (NIST SP 800-38D) under keys that live outside it, one
 * derived per purpose from each of the process's secrets by HKDF (RFC 5869). The place a secret belongs to is
 * authenticated with it: moved to another row, merchant or name it does not open.
 */
export class SecretBox {
  readonly #keys: { kid: string; key: Buffer }[]

  /** The first of `keys` seals; all open. */
  constructor({ keys }: TokenKeys, purpose: string) {
    this.#keys = keys.map(({ kid, secret }) => ({ kid, key: Buffer.from(hkdfSync('sha256', secret, '', purpose, KEY_BYTES)) }))
    if (this.#keys.length === 0) throw new Error('no key to seal with is configured')
  }

  seal(text: string, place: readonly string[]): string {
    const { kid, key } = this.#keys[0]!
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv(CIPHER, key, nonce).setAAD(placeBytes(place))
    const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
    return `${kid}.${sealed.toString('base64url')}`
  }

  /** Throws when it was sealed for another place, edited, or its key is gone. */
  open(sealed: string, place: readonly string[]): string {
    const dot = sealed.indexOf('.')
    const key = this.#keys.find(({ kid }) => kid === sealed.slice(0, dot))?.key
    if (!key) throw new Error('the key that sealed this secret is not configured')
    const bytes = Buffer.from(sealed.slice(dot + 1), 'base64url')
    const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES }).setAAD(placeBytes(place))
    decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES))
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, bytes.length - TAG_BYTES)), decipher.final()]).toString('utf8')
  }
}

function placeBytes(place: readonly string[]): Buffer {
  return Buffer.from(JSON.stringify(place))
}
