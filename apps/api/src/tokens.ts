import { createPrivateKey, createPublicKey, randomUUID } from 'node:crypto'
import type { JWT } from '@fastify/jwt'
import { Refusal } from '@souk/core/refusal.ts'
import { z } from 'zod'

/** An Ed25519 pair in PEM. The first of a list signs, all verify. */
export interface JwtKey {
  kid: string
  privateKey: string
  publicKey: string
}

/** What a verified access token says. */
export interface AccessClaims {
  subject: string
  issuedAt: Date
  /** Of a customer's token: the session it belongs to. */
  sessionId?: string | undefined
}

/** Who a token is for: one merchant's staff, one merchant's customers, or the platform's admins. None is good for another. */
export type Audience = { merchantId: string } | { customersOf: string } | 'platform'

export const ACCESS_TOKEN_TTL_S = 600
const TOKEN_TYPE = 'at+jwt'
const ALGORITHM = 'EdDSA'
const CLOCK_TOLERANCE_S = 5
// Three parts in the base64url alphabet; an Ed25519 signature has 64 bytes, that is 86 letters.
const COMPACT = /^([A-Za-z0-9_-]{1,500})\.([A-Za-z0-9_-]{1,2000})\.([A-Za-z0-9_-]{86})$/

// An allow-list: jku, x5u, jwk, crit and whatever else a header may bring is refused by not being here.
const headerShape = z.strictObject({ alg: z.literal(ALGORITHM), typ: z.literal(TOKEN_TYPE), kid: z.string().max(100) })
const seconds = z.number().int().positive()
const claimsShape = z.object({
  iss: z.string(),
  aud: z.string(),
  sub: z.uuid(),
  jti: z.uuid(),
  iat: seconds,
  exp: seconds,
  nbf: seconds.optional(),
  merchant: z.uuid().optional(),
  sid: z.uuid().optional(),
})

/** Reads the private keys (PKCS#8 PEM of Ed25519) and derives the public ones. */
export function readJwtKeys(keys: { kid: string; privateKey: string }[]): JwtKey[] {
  return keys.map(({ kid, privateKey }) => {
    const key = createPrivateKey(privateKey)
    if (key.asymmetricKeyType !== 'ed25519') throw new Error(`The JWT key ${kid} is not an Ed25519 key.`)
    return { kid, privateKey, publicKey: createPublicKey(key).export({ type: 'spki', format: 'pem' }) as string }
  })
}

/** The issuer of a deployment's tokens: a token of another deployment is of no use here. */
export function issuerOf(baseDomain: string): string {
  return `https://platform.${baseDomain}`
}

/** Issues and checks access tokens: Ed25519 alone, short-lived, for one audience each. */
export class AccessTokens {
  readonly #jwt: JWT
  readonly #publicKeys: Map<string, string>
  readonly #issuer: string

  constructor(jwt: JWT, keys: JwtKey[], issuer: string) {
    this.#jwt = jwt
    this.#publicKeys = new Map(keys.map((key) => [key.kid, key.publicKey]))
    this.#issuer = issuer
  }

  /** `sessionId` goes with the token of a customer, and with no other. */
  issue(
    audience: Audience,
    subject: string,
    now: Date,
    sessionId?: string,
  ): { access_token: string; token_type: 'Bearer'; expires_in: number } {
    const iat = Math.floor(now.getTime() / 1000)
    const token = this.#jwt.sign({
      iss: this.#issuer,
      aud: audienceName(audience),
      sub: subject,
      jti: randomUUID(),
      iat,
      exp: iat + ACCESS_TOKEN_TTL_S,
      ...(audience !== 'platform' && { merchant: merchantOf(audience) }),
      ...(sessionId !== undefined && { sid: sessionId }),
    })
    return { access_token: token, token_type: 'Bearer', expires_in: ACCESS_TOKEN_TTL_S }
  }

  /** Refuses `token_expired` for a genuine token past its time and `invalid_token` for everything else that is not right. */
  verify(token: string, audience: Audience, now: Date): AccessClaims {
    const key = this.#keyOf(token)
    const name = audienceName(audience)
    const claims = claimsShape.safeParse(this.#checked(token, key, name, now))
    if (!claims.success) throw invalid()
    const { aud, iat, exp, merchant, sub, sid } = claims.data
    const latest = now.getTime() / 1000 + CLOCK_TOLERANCE_S
    // fast-jwt takes a list that holds the audience, too, and any lifetime.
    if (
      aud !== name ||
      merchant !== merchantOf(audience) ||
      (sid !== undefined) !== isOfCustomers(audience) ||
      iat > latest ||
      exp - iat > ACCESS_TOKEN_TTL_S
    )
      throw invalid()
    return { subject: sub, issuedAt: new Date(iat * 1000), sessionId: sid }
  }

  /** The key id only looks up a map in memory. */
  #keyOf(token: string): string {
    const parts = COMPACT.exec(token)
    if (!parts || parts.slice(1).some((part) => !isCanonical(part))) throw invalid()
    const header = headerShape.safeParse(parseJson(Buffer.from(parts[1]!, 'base64url')))
    const key = header.success ? this.#publicKeys.get(header.data.kid) : undefined
    if (key === undefined) throw invalid()
    return key
  }

  #checked(token: string, key: string, audience: string, now: Date): unknown {
    try {
      return this.#jwt.verify(token, {
        key,
        algorithms: [ALGORITHM],
        allowedIss: this.#issuer,
        allowedAud: audience,
        checkTyp: TOKEN_TYPE,
        requiredClaims: ['iss', 'aud', 'sub', 'jti', 'iat', 'exp'],
        clockTimestamp: now.getTime(),
        clockTolerance: CLOCK_TOLERANCE_S * 1000,
        cache: false,
      })
    } catch (error) {
      if ((error as { code?: string }).code === 'FAST_JWT_EXPIRED') throw new Refusal('token_expired')
      throw invalid()
    }
  }
}

/** The options of @fastify/jwt that go with AccessTokens: the first key signs. */
export function jwtOptions(keys: JwtKey[]) {
  const [first] = keys
  if (!first) throw new Error('no JWT key is configured')
  return {
    secret: { private: first.privateKey, public: first.publicKey },
    sign: { algorithm: ALGORITHM, kid: first.kid, header: { alg: ALGORITHM, typ: TOKEN_TYPE } },
    verify: { algorithms: [ALGORITHM], cache: false },
  } as const
}

function audienceName(audience: Audience): string {
  if (audience === 'platform') return 'platform'
  return 'customersOf' in audience ? `customers:${audience.customersOf}` : `merchant:${audience.merchantId}`
}

function merchantOf(audience: Audience): string | undefined {
  if (audience === 'platform') return undefined
  return 'customersOf' in audience ? audience.customersOf : audience.merchantId
}

function isOfCustomers(audience: Audience): boolean {
  return audience !== 'platform' && 'customersOf' in audience
}

function isCanonical(part: string): boolean {
  return Buffer.from(part, 'base64url').toString('base64url') === part
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}

function invalid(): Refusal {
  return new Refusal('invalid_token')
}
