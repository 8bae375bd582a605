import type { Actor } from '@souk/core/actor.ts'
import { findSession } from '@souk/core/customers/sessions.ts'
import { loadApiKey, mayUse, readApiKeyToken, type StoredApiKey } from '@souk/core/merchant/api-keys.ts'
import { scopesOfRole } from '@souk/core/merchant/scopes.ts'
import { findStaff, type StaffMember } from '@souk/core/merchant/staff.ts'
import { Refusal } from '@souk/core/refusal.ts'
import { scopesOfAdmin } from '@souk/platform/admin-roles.ts'
import type { AdminAccount, Admins } from '@souk/platform/admins.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import { Problem } from '../errors.ts'
import type { AccessClaims, AccessTokens } from '../tokens.ts'

/** Whoever calls: a member of a merchant's staff, one of its API keys, or an admin of the platform. */
export interface Principal {
  kind: 'staff' | 'api_key' | 'platform'
  id: string
  actor: Actor
  scopes: ReadonlySet<string>
}

/** The customer behind a request to a shop, and the session they signed in with. */
export interface SignedInCustomer {
  id: string
  sessionId: string
}

// For so long a process may go on trusting what it read of an account or key. Section 4, case 59 grants 60 s.
const REMEMBERED_MS = 10_000
const REMEMBERED_MAX = 10_000
const BEARER = /^Bearer ([^\s,]+)$/i

/** Knows who holds a credential, and for a short time remembers. */
export class Principals {
  readonly #tokens: AccessTokens
  readonly #admins: Admins
  readonly #staff = new Remembered<StaffMember>()
  readonly #keys = new Remembered<StoredApiKey>()
  readonly #platform = new Remembered<AdminAccount>()
  readonly #sessions = new Remembered<{ customerId: string; endedAt: Date | null }>()

  constructor(tokens: AccessTokens, admins: Admins) {
    this.#tokens = tokens
    this.#admins = admins
  }

  /** The staff member or API key behind a request to a merchant. */
  async ofMerchant(inMerchant: InMerchant, credential: string, now: Date): Promise<Principal> {
    return credential.startsWith('souk_') ? this.#apiKey(inMerchant, credential, now) : this.#staffMember(inMerchant, credential, now)
  }

  /** The admin behind a request to the platform. */
  async ofPlatform(credential: string, now: Date): Promise<Principal> {
    const claims = this.#tokens.verify(credential, 'platform', now)
    const admin = await this.#platform.get(claims.subject, now, () => this.#admins.find(claims.subject))
    assertStillGood(admin, claims)
    return { kind: 'platform', id: admin.id, actor: { kind: 'platform', id: admin.id }, scopes: new Set(scopesOfAdmin(admin.role)) }
  }

  /** The customer behind a request to a merchant's shop. Refuses `token_revoked` once the session is over. */
  async ofCustomer(inMerchant: InMerchant, credential: string, now: Date): Promise<SignedInCustomer> {
    const merchantId = inMerchant.merchant.id
    const { subject, sessionId } = this.#tokens.verify(credential, { customersOf: merchantId }, now)
    const session = await this.#sessions.get(`${merchantId}|${sessionId}`, now, () => findSession(inMerchant, sessionId!))
    if (!session || session.endedAt || session.customerId !== subject) throw new Refusal('token_revoked')
    return { id: subject, sessionId: sessionId! }
  }

  /** Forgets a session, so that its end is felt here at once; in other processes a little later. */
  forgetSession(merchantId: string, sessionId: string): void {
    this.#sessions.forget(`${merchantId}|${sessionId}`)
  }

  /** Forgets a key, so that its end is felt here at once. */
  forgetKey(merchantId: string, id: string): void {
    this.#keys.forget(`${merchantId}|${id}`)
  }

  /** Forgets a member of staff, so that another role, or none, is felt here at once. */
  forgetStaff(merchantId: string, id: string): void {
    this.#staff.forget(`${merchantId}|${id}`)
  }

  /** Forgets an admin, so that another role, or none, is felt here at once. */
  forgetAdmin(id: string): void {
    this.#platform.forget(id)
  }

  async #staffMember(inMerchant: InMerchant, credential: string, now: Date): Promise<Principal> {
    const merchantId = inMerchant.merchant.id
    const claims = this.#tokens.verify(credential, { merchantId }, now)
    const member = await this.#staff.get(`${merchantId}|${claims.subject}`, now, () =>
      inMerchant.read((tx) => findStaff(tx, claims.subject)),
    )
    assertStillGood(member, claims)
    return { kind: 'staff', id: member.id, actor: { kind: 'staff', id: member.id }, scopes: new Set(scopesOfRole(member.role)) }
  }

  async #apiKey(inMerchant: InMerchant, credential: string, now: Date): Promise<Principal> {
    const token = readApiKeyToken(credential)
    if (!token) throw new Refusal('invalid_api_key')
    const key = await this.#keys.get(`${inMerchant.merchant.id}|${token.id}`, now, () => loadApiKey(inMerchant, token.id))
    if (!mayUse(key, token.secretHash, now)) throw new Refusal('invalid_api_key')
    return { kind: 'api_key', id: token.id, actor: { kind: 'api_key', id: token.id }, scopes: new Set(key!.scopes) }
  }
}

/** Refuses `insufficient_scope` unless the principal has all the scopes, and says which are missing. */
export function assertScopes(principal: Principal, scopes: readonly string[]): void {
  const missing = scopes.filter((scope) => !principal.scopes.has(scope))
  if (missing.length === 0) return
  throw new Refusal('insufficient_scope', { detail: `This needs the scope ${missing.join(' and ')}.`, extra: { missing_scopes: missing } })
}

/** The credential of a request. Refuses `credentials_missing` when there is none. */
export function credentialOf(request: FastifyRequest): string {
  const header = request.headers.authorization
  if (header === undefined) throw new Problem('credentials_missing')
  const credential = BEARER.exec(header)?.[1]
  if (credential === undefined) throw new Refusal('invalid_token')
  return credential
}

function assertStillGood(
  account: { disabledAt: Date | null; tokensValidAfter: Date } | undefined,
  claims: AccessClaims,
): asserts account is NonNullable<typeof account> {
  if (!account || account.disabledAt || claims.issuedAt < account.tokensValidAfter) throw new Refusal('token_revoked')
}

class Remembered<Value extends object> {
  readonly #entries = new LRUCache<string, { value: Value | undefined; until: number }>({ max: REMEMBERED_MAX })

  async get(name: string, now: Date, load: () => Promise<Value | undefined>): Promise<Value | undefined> {
    const known = this.#entries.get(name)
    if (known && now.getTime() < known.until) return known.value
    const value = await load()
    // Who is not there is not remembered: the name came from the caller.
    if (value) this.#entries.set(name, { value, until: now.getTime() + REMEMBERED_MS })
    return value
  }

  forget(name: string): void {
    this.#entries.delete(name)
  }
}
