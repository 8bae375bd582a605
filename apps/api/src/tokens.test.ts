import { createHmac, createPrivateKey, createPublicKey, type JsonWebKey, randomUUID, sign } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiMerchant, createTestApi, newJwtKey, type TestApi } from './testing/api.ts'
import { AccessTokens, issuerOf } from './tokens.ts'

const VECTORS = new URL('../../../../shared/data/vectors/jose/json_web_signature_test.json', import.meta.url)

let api: TestApi
let shop: ApiMerchant
let other: ApiMerchant

beforeAll(async () => {
  api = await createTestApi()
  shop = await api.addMerchant()
  other = await api.addMerchant()
})
afterAll(() => api.close())

const b64 = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

function claims(more: Record<string, unknown> = {}): Record<string, unknown> {
  const iat = Math.floor(api.clock.now.getTime() / 1000)
  return {
    iss: issuerOf('localhost'),
    aud: `merchant:${shop.merchant.id}`,
    sub: shop.owner.id,
    jti: randomUUID(),
    iat,
    exp: iat + 600,
    merchant: shop.merchant.id,
    ...more,
  }
}

/** A token signed with our own key, whatever it says. */
function signed(payload: unknown, header: Record<string, unknown> = {}, pem = api.jwtKey.privateKey): string {
  const input = `${b64({ alg: 'EdDSA', typ: 'at+jwt', kid: 'test', ...header })}.${b64(payload)}`
  return `${input}.${sign(null, Buffer.from(input), createPrivateKey(pem)).toString('base64url')}`
}

async function answerTo(token: string): Promise<string> {
  const answer = await api.call(shop.host, { url: '/v1/admin/me', token })
  return answer.status === 200 ? 'ok' : `${answer.status} ${answer.body.type.split('/').at(-1)}`
}

describe('an access token', () => {
  it('is taken as issued, and as we sign it here', async () => {
    expect(await answerTo(shop.token)).toBe('ok')
    expect(await answerTo(signed(claims()))).toBe('ok')
  })

  it('is for one merchant: elsewhere it is no token', async () => {
    expect(await answerTo(other.token)).toBe('401 invalid-token')
    const { access_token } = api.tokens.issue('platform', shop.owner.id, api.clock.now)
    expect(await answerTo(access_token)).toBe('401 invalid-token')
    const atPlatform = await api.call('platform.localhost', { url: '/v1/cells', token: shop.token })
    expect(atPlatform.body.type).toMatch(/invalid-token$/)
  })

  it('ends with its time', async () => {
    const now = Math.floor(api.clock.now.getTime() / 1000)
    expect(await answerTo(signed(claims({ iat: now - 700, exp: now - 100 })))).toBe('401 token-expired')
  })

  it.each([
    ['no exp', () => ({ exp: undefined })],
    ['exp as text', () => ({ exp: String(claims().exp) })],
    ['exp in the year 9999', () => ({ exp: 253_370_764_800 })],
    ['exp with a fraction', () => ({ exp: (claims().exp as number) - 0.5 })],
    ['no iat', () => ({ iat: undefined })],
    ['iat ahead', () => ({ iat: (claims().iat as number) + 120, exp: (claims().exp as number) + 120 })],
    ['nbf ahead', () => ({ nbf: (claims().iat as number) + 120 })],
    ['nbf as text', () => ({ nbf: '1' })],
    ['no jti', () => ({ jti: undefined })],
    ['no sub', () => ({ sub: undefined })],
    ['a sub that is no id', () => ({ sub: "' or 1=1 --" })],
    ['no iss', () => ({ iss: undefined })],
    ['another iss', () => ({ iss: 'https://platform.elsewhere.example' })],
    ['no aud', () => ({ aud: undefined })],
    ['another aud', () => ({ aud: 'merchant:' })],
    ['a list of auds with ours in it', () => ({ aud: [`merchant:${shop.merchant.id}`, 'platform'] })],
    ['no merchant', () => ({ merchant: undefined })],
    ['another merchant', () => ({ merchant: other.merchant.id })],
  ])('is refused with %s', async (_name, more) => {
    expect(await answerTo(signed(claims(more())))).toBe('401 invalid-token')
  })

  it.each([
    ['alg none', { alg: 'none' }],
    ['alg None', { alg: 'None' }],
    ['alg nOnE', { alg: 'nOnE' }],
    ['alg HS256', { alg: 'HS256' }],
    ['no alg', { alg: undefined }],
    ['another typ', { typ: 'JWT' }],
    ['the typ of an id token', { typ: 'id+jwt' }],
    ['no typ', { typ: undefined }],
    ['an unknown kid', { kid: 'other' }],
    ['a kid that is a path', { kid: '../../../../dev/null' }],
    ['a kid that is SQL', { kid: "x' union select 'key" }],
    ['a kid that is a URL', { kid: 'https://evil.example/jwks.json' }],
    ['a kid of every object', { kid: '__proto__' }],
    ['no kid', { kid: undefined }],
    ['jku', { jku: 'https://evil.example/jwks.json' }],
    ['x5u', { x5u: 'https://evil.example/cert.pem' }],
    ['jwk', { jwk: { kty: 'OKP', crv: 'Ed25519', x: 'AAAA' } }],
    ['crit', { crit: ['exp'] }],
    ['zip', { zip: 'DEF' }],
    ['cty of a nested token', { cty: 'JWT' }],
  ])('is refused with %s in its header', async (_name, header) => {
    expect(await answerTo(signed(claims(), header))).toBe('401 invalid-token')
  })

  it('is refused unsigned, signed by others, or by the public key as a secret', async () => {
    const head = b64({ alg: 'none', typ: 'at+jwt', kid: 'test' })
    const hs = `${b64({ alg: 'HS256', typ: 'at+jwt', kid: 'test' })}.${b64(claims())}`
    expect(await answerTo(`${head}.${b64(claims())}.`)).toBe('401 invalid-token')
    expect(await answerTo(`${hs}.${createHmac('sha256', api.jwtKey.publicKey).update(hs).digest('base64url')}`)).toBe('401 invalid-token')
    expect(await answerTo(signed(claims(), {}, newJwtKey('test').privateKey))).toBe('401 invalid-token')
    const [a, b, c] = signed(claims()).split('.')
    expect(await answerTo(`${a}.${b64({ ...claims(), sub: other.owner.id })}.${c}`)).toBe('401 invalid-token')
    expect(await answerTo(`${a}.${b}.${Buffer.alloc(64).toString('base64url')}`)).toBe('401 invalid-token')
  })

  it('is refused in any other spelling', async () => {
    const token = signed(claims())
    const [a, b, c] = token.split('.') as [string, string, string]
    // The last letter of 86 carries four bits that must be zero.
    const twin = c.slice(0, -1) + 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'['AQgw'.indexOf(c.at(-1)!) * 16 + 1]
    for (const other of [
      `${token}=`,
      `${a}=.${b}.${c}`,
      `${token}.`,
      `${token}.${c}`,
      `${a}.${b}`,
      `${a}.${b}.${twin}`,
      '.',
      '..',
      '{}',
      `${a}.${b}.${c}\u0000`,
    ]) {
      expect(await answerTo(other), JSON.stringify(other)).toBe('401 invalid-token')
    }
    expect(await answerTo(JSON.stringify({ payload: b, protected: a, signature: c }))).toBe('401 invalid-token')
    expect(await answerTo(`${b64({ alg: 'dir', enc: 'A256GCM' })}..${a}.${b}.${c}`)).toBe('401 invalid-token')
  })

  it('is verified by every key that is listed, and signed by the first', async () => {
    const [older, newer] = [newJwtKey('older'), newJwtKey('newer')]
    const house = await createTestApi({ jwtKeys: [newer, older] })
    const both = new AccessTokens(house.app.jwt, [newer, older], issuerOf('localhost'))
    const merchantId = shop.merchant.id
    const { access_token } = both.issue({ merchantId }, shop.owner.id, house.clock.now)
    expect(JSON.parse(Buffer.from(access_token.split('.')[0]!, 'base64url').toString())).toEqual({
      alg: 'EdDSA',
      typ: 'at+jwt',
      kid: 'newer',
    })
    expect(both.verify(access_token, { merchantId }, house.clock.now).subject).toBe(shop.owner.id)
    expect(both.verify(signed(claims(), { kid: 'older' }, older.privateKey), { merchantId }, house.clock.now).subject).toBe(shop.owner.id)
    expect(() =>
      new AccessTokens(house.app.jwt, [newer], issuerOf('localhost')).verify(
        signed(claims(), { kid: 'older' }, older.privateKey),
        { merchantId },
        house.clock.now,
      ),
    ).toThrow('invalid_token')
    await house.close()
  })

  it.skipIf(!existsSync(VECTORS))('is none of the 401 of the JOSE test vectors, even when their keys are ours', () => {
    const { testGroups } = JSON.parse(readFileSync(VECTORS, 'utf8')) as { testGroups: Group[] }
    let tried = 0
    for (const group of testGroups) {
      const pem = publicPem(group.public ?? group.private)
      for (const test of group.tests) {
        const kid = kidOf(test.jws) ?? 'test'
        const tokens = new AccessTokens(
          api.app.jwt,
          [{ ...api.jwtKey, kid, publicKey: pem ?? api.jwtKey.publicKey }],
          issuerOf('localhost'),
        )
        for (const audience of [{ merchantId: shop.merchant.id }, 'platform'] as const) {
          expect(() => tokens.verify(test.jws, audience, api.clock.now), `${group.comment} ${test.tcId}`).toThrow('invalid_token')
        }
        tried += 1
      }
    }
    expect(tried).toBeGreaterThan(350)
  })
})

interface Group {
  comment: string
  public?: JsonWebKey
  private?: JsonWebKey
  tests: { tcId: number; jws: string; result: string }[]
}

function publicPem(jwk: JsonWebKey | undefined): string | undefined {
  try {
    return createPublicKey({ key: jwk!, format: 'jwk' }).export({ type: 'spki', format: 'pem' }) as string
  } catch {
    return undefined
  }
}

function kidOf(jws: string): string | undefined {
  try {
    return JSON.parse(Buffer.from(jws.split('.')[0]!, 'base64url').toString()).kid
  } catch {
    return undefined
  }
}
