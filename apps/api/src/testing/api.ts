import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { hashPassword } from '@souk/core/merchant/passwords.ts'
import { addOwner } from '@souk/core/merchant/staff.ts'
import { FakeProvider } from '@souk/core/testing/fake-provider.ts'
import { createTestShop, type MerchantOverrides, type TestMerchant, type TestShop } from '@souk/core/testing/merchant.ts'
import { testPluginPort } from '@souk/core/testing/plugin-port.ts'
import { Admins } from '@souk/platform/admins.ts'
import { Cells } from '@souk/platform/cells.ts'
import { openPlatformSql, type PlatformSql } from '@souk/platform/platform-sql.ts'
import type { FastifyInstance, InjectOptions, RouteOptions } from 'fastify'
import type { Registry } from 'prom-client'
import { openLog } from '../log.ts'
import type { Quotas } from '../quotas/quotas.ts'
import { buildServer, type ServerOptions } from '../server.ts'
import { AccessTokens, issuerOf, type JwtKey, readJwtKeys } from '../tokens.ts'
import { Contract } from './contract.ts'

export const PASSWORD = 'a password for tests'
const CELL = 'shared-1'

/** A shop at its host, with an owner who can sign in. */
export interface ApiMerchant extends TestMerchant {
  host: string
  owner: { id: string; email: string }
  /** The owner's access token. */
  token: string
}

export interface TestApi {
  app: FastifyInstance
  metrics: Registry
  quotas: Quotas
  routes: readonly RouteOptions[]
  options: ServerOptions
  shop: TestShop
  platformSql: PlatformSql
  jwtKey: JwtKey
  tokens: AccessTokens
  /** The moment the server believes in; tests move it. */
  clock: { now: Date }
  /** DNS TXT records by name. */
  dns: Map<string, string[][]>
  /** The lines of the log. */
  log: string[]
  addMerchant(overrides?: MerchantOverrides): Promise<ApiMerchant>
  /** An admin's access token. */
  adminToken(): Promise<string>
  /** A request to a host, with a JSON body. Its answer is held to the route's description, or to that of problems. */
  call(host: string, options: InjectOptions & { token?: string }): Promise<Answer>
  close(): Promise<void>
}

export interface Answer {
  status: number
  headers: Record<string, unknown>
  // Tests look into bodies whose shape is what they check.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  body: any
  text: string
}

/** The whole API on a database of its own, called without a socket. */
export async function createTestApi(
  overrides: Partial<ServerOptions> = {},
  // Whoever waits for a connection waits long: a busy machine is not what these tests are about.
  connections: Parameters<typeof createTestShop>[0] = { waitMs: 30_000 },
): Promise<TestApi> {
  const shop = await createTestShop(connections)
  await shop.router.listen()
  const { database, router, keys } = shop
  const platformSql = openPlatformSql(database.url('souk_platform'))
  const urls = { app: database.url('souk_app'), platform: database.url('souk_platform') }
  const cells = new Cells(platformSql, { [CELL]: urls })
  await cells.registerFirst()
  const jwtKey = newJwtKey('test')
  const clock = { now: new Date() }
  const dns = new Map<string, string[][]>()
  const log: string[] = []
  const options: ServerOptions = {
    router,
    platformSql,
    cells,
    jwtKeys: [jwtKey],
    tokenKeys: keys,
    baseDomain: 'localhost',
    publicUrlPort: 3000,
    log: openLog('info', { write: (line) => void log.push(line) }),
    now: () => clock.now,
    pluginPort: testPluginPort(),
    paymentProviders: new Map([['fake', new FakeProvider()]]),
    resolveTxt: async (name) => dns.get(name) ?? Promise.reject(new Error('ENOTFOUND')),
    ...overrides,
  }
  const { app, metrics, quotas, routes } = await buildServer(options)
  const tokens = new AccessTokens(app.jwt, [jwtKey], issuerOf('localhost'))
  const contract = new Contract(routes)
  const call = async (host: string, options: InjectOptions & { token?: string }) => {
    const answer = await send(app, host, options)
    contract.check(options, answer)
    return answer
  }
  return {
    app,
    metrics,
    quotas,
    routes,
    options,
    shop,
    platformSql,
    jwtKey,
    tokens,
    clock,
    dns,
    log,
    call,
    addMerchant: async (given) => addApiMerchant(shop, tokens, clock, given),
    adminToken: async () => {
      await new Admins(platformSql).ensure({ email: 'admin@souk.example', password: PASSWORD, now: clock.now })
      const answer = await call('platform.localhost', {
        method: 'POST',
        url: '/v1/sessions',
        payload: { email: 'admin@souk.example', password: PASSWORD },
      })
      return answer.body.access_token
    },
    close: async () => {
      await app.close()
      await cells.close()
      await platformSql.end()
      await shop.close()
    },
  }
}

export function newJwtKey(kid: string): JwtKey {
  const { privateKey } = generateKeyPairSync('ed25519')
  return readJwtKeys([{ kid, privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string }])[0]!
}

// One hash for all: making one takes longer than most tests.
let passwordHash: Promise<string> | undefined

async function addApiMerchant(
  shop: TestShop,
  tokens: AccessTokens,
  clock: { now: Date },
  overrides: MerchantOverrides = {},
): Promise<ApiMerchant> {
  const made = await shop.addMerchant(overrides)
  passwordHash ??= hashPassword(PASSWORD)
  const email = `owner-${randomBytes(4).toString('hex')}@shop.example`
  const hash = await passwordHash
  const [row] = await made.inMerchant(async (tx) => {
    await addOwner(tx, { email, name: 'Owner', passwordHash: hash, now: clock.now })
    return tx.sql<{ id: string }[]>`select id from staff where merchant_id = ${tx.merchantId} and email = ${email}`
  })
  const owner = { id: row!.id, email }
  const { access_token: token } = tokens.issue({ merchantId: made.merchant.id }, owner.id, clock.now)
  return { ...made, host: `${made.merchant.slug}.localhost`, owner, token }
}

async function send(app: FastifyInstance, host: string, { token, ...options }: InjectOptions & { token?: string }): Promise<Answer> {
  const headers = { host, ...(token !== undefined && { authorization: `Bearer ${token}` }), ...options.headers }
  const answer = await app.inject({ ...options, headers })
  const isJson = String(answer.headers['content-type'] ?? '').includes('json')
  return { status: answer.statusCode, headers: answer.headers, text: answer.body, body: isJson ? JSON.parse(answer.body) : undefined }
}
