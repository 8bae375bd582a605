import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { capabilityToken } from '@souk/core/capability.ts'
import type { InMerchant, Router } from '@souk/tenant-router/router.ts'
import postgres from 'postgres'
import { expect } from 'vitest'
import type { ServerOptions } from '../server.ts'
import { allRows, idsIn } from './all-rows.ts'
import { type Answer, createTestApi, PASSWORD, type TestApi } from './api.ts'
import { type Description, type Operation, readOperations } from './operations.ts'
import { RowSnapshot } from './row-snapshot.ts'
import { Secrets } from './secrets.ts'
import { addCells } from './twin-cells.ts'
import { type FullShop, fillShop } from './twin-shops.ts'
import { type Credentials, positionsOf, type Request, requestFor, type Values, valueNameOf } from './valid-requests.ts'

export const PLATFORM = 'platform.localhost'
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-7/
const NOBODYS_ID = '00000000-0000-7000-8000-000000000000'

/** Two shops in one database and behind one connection, with the same names for different things; and who looks into whose. */
export class Neighbours {
  readonly api: TestApi
  readonly rows: postgres.Sql
  readonly admin: string
  readonly self: FullShop
  readonly other: FullShop
  readonly operations: readonly Operation[]
  /** What must never be heard at `self`. */
  readonly secrets: Secrets
  readonly #doors: Doors
  #before: () => Promise<void> = async () => {}
  #onlyConnection = false
  requests = 0
  readonly #mediaDir: string
  readonly #requestIds = new Set<string>()
  readonly #spare: { shop: FullShop; snapshot: RowSnapshot }[] = []
  #made = 0

  private constructor(
    given: Pick<Neighbours, 'api' | 'rows' | 'admin' | 'self' | 'other' | 'operations' | 'secrets'> & { mediaDir: string },
  ) {
    this.api = given.api
    this.rows = given.rows
    this.admin = given.admin
    this.self = given.self
    this.other = given.other
    this.operations = given.operations
    this.secrets = given.secrets
    this.#mediaDir = given.mediaDir
    this.#doors = new Doors(given.api.shop.router)
  }

  static async moveIn(overrides: Partial<ServerOptions> = {}): Promise<Neighbours> {
    const mediaDir = mkdtempSync(join(tmpdir(), 'souk-media-'))
    // One connection for everybody: whatever a transaction might leave behind, the next one meets.
    const api = await createTestApi({ mediaDir, archiveDir: mediaDir, ...overrides }, { connectionsPerCell: 1, waitMs: 10_000 })
    const rows = postgres(api.shop.database.adminUrl, { max: 1 })
    await addCells(api)
    const admin = await api.adminToken()
    const self = await fillShop(api, { admin, mediaDir, canary: 'canaryself' })
    const other = await fillShop(api, { admin, mediaDir, canary: 'canaryother', password: `${PASSWORD} of others` })
    const operations = readOperations((await api.call('any.localhost', { url: '/openapi.json' })).body as Description)
    const secrets = await Secrets.of(rows, other, self)
    return new Neighbours({ api, rows, admin, self, other, operations, secrets, mediaDir })
  }

  async moveOut(): Promise<void> {
    await this.rows.end()
    await this.api.close()
    rmSync(this.#mediaDir, { recursive: true, force: true })
  }

  /** A further shop with everything in it. */
  async newShop(): Promise<FullShop> {
    this.#made += 1
    return fillShop(this.api, { admin: this.admin, mediaDir: this.#mediaDir, canary: `canarynew${this.#made}` })
  }

  /** Further shops, as new: whatever was done to their rows is undone. What was done to them in the directory is not. */
  async spareShops(count: number): Promise<FullShop[]> {
    while (this.#spare.length < count) {
      const shop = await this.newShop()
      this.#spare.push({ shop, snapshot: await RowSnapshot.take(this.rows, shop.merchant.id) })
    }
    const lent = this.#spare.slice(0, count)
    for (const { snapshot } of lent) await snapshot.restore()
    return lent.map(({ shop }) => shop)
  }

  /** The operations at a merchant's host. */
  get merchantOperations(): Operation[] {
    return this.operations.filter(({ audience }) => audience === 'storefront' || audience === 'staff')
  }

  /**
   * What happens right before every request. What leaves its traces on the connection alone is not repeated for a request before which
   * nobody has used the connection: it is still as it was left.
   */
  befall(before: () => Promise<void>, { onlyConnection = false } = {}): void {
    this.#before = before
    this.#onlyConnection = onlyConnection
    this.#doors.opened = true
  }

  async #meet(): Promise<void> {
    if (this.#onlyConnection && !this.#doors.opened) return
    await this.#before()
    this.#doors.opened = false
  }

  freshKey(): string {
    this.#made += 1
    return `fresh-${this.#made}`
  }

  /** A request in whose answer, and later in whose log line, nothing of the other merchant's may be. */
  async ask(host: string, request: Request): Promise<Answer> {
    const answer = await this.api.call(host, request)
    this.requests += 1
    this.#requestIds.add(String(answer.headers['request-id']))
    const where = `${request.method} ${request.url} at ${host}`
    expect(answer.status, `${where}: ${answer.text}`).toBeLessThan(500)
    expect(this.secrets.in(JSON.stringify(answer.headers) + answer.text), `${where} betrays`).toEqual([])
    return answer
  }

  /** The log lines of all that was asked, once there is one for each. */
  async logLines(): Promise<string[]> {
    const lines = () => this.api.log.filter((line) => this.#requestIds.has(JSON.parse(line).request_id))
    await expect.poll(() => new Set(lines().map((line) => JSON.parse(line).request_id)).size).toBe(this.#requestIds.size)
    return lines()
  }

  /** Own credentials for an operation. `issued` are those that a shop would have given out for the ids in `values`. */
  credentialsOf(shop: FullShop, { key, credential }: Operation, issued?: Values): Credentials {
    if (credential === undefined) return {}
    // Whoever has orders under way cannot leave.
    if (key === 'POST /v1/customers/me/erasure') return { customer: shop.credentials.leaver }
    if (credential === 'access' || credential === 'customer') return { [credential]: shop.credentials[credential] }
    const opens = valueNameOf(key, `${credential}_id`)
    if (!issued && opens === `${credential}_id`) return { [credential]: shop.credentials[credential] }
    return { [credential]: capabilityToken(this.api.shop.keys, shop.merchant.id, credential, (issued ?? shop.values)[opens]!) }
  }

  /** What `self` has, but in these places what the other has. */
  withOthers(names: readonly string[], shop = this.self, other = this.other): Values {
    return { ...shop.values, ...Object.fromEntries(names.map((name) => [name, other.values[name]!])) }
  }

  /** What `self` has, but in these places what nobody has, in the form of the other's. */
  withNobodys(names: readonly string[], shop = this.self, other = this.other): Values {
    return { ...shop.values, ...Object.fromEntries(names.map((name) => [name, nobodys(name, other)])) }
  }

  /**
   * Puts the other's into every place of a request, one by one and all at once: the answer must be the one for what nobody has. With
   * own credentials, and with a token that we would have given out for that id.
   */
  async expectAsIfNotThere(operation: Operation, host = this.self.host, headers: Record<string, string> = {}): Promise<void> {
    const opensById = operation.credential === 'cart' || operation.credential === 'order'
    for (const names of substitutions(operation)) {
      for (const issued of opensById ? [false, true] : [false]) {
        const idempotencyKey = this.freshKey()
        const where = `${operation.key} with another's ${names.join(' and ')}${issued ? ', and a token for it' : ''}`
        const asked = async (values: Values) => {
          await this.#meet()
          const credentials = this.credentialsOf(this.self, operation, issued ? values : undefined)
          return this.ask(host, requestFor(operation, { values, credentials, naming: names, idempotencyKey, headers }))
        }
        const [theirs, unknown] = [await asked(this.withOthers(names)), await asked(this.withNobodys(names))]
        expect(faceOf(theirs), where).toEqual(faceOf(unknown))
        const inPath = operation.pathParameters.some((name) => names.includes(valueNameOf(operation.key, name)))
        if (theirs.status < 300) expect(theirs.body.data, `${where} finds something`).toEqual([])
        else expect(inPath ? [404] : [400, 404, 409, 422], where).toContain(theirs.status)
      }
    }
  }

  /** What is read with what is our own is there, and our own. */
  async expectOwnRead(operation: Operation): Promise<void> {
    await this.#meet()
    const given = { values: this.self.values, credentials: this.credentialsOf(this.self, operation) }
    const answer = await this.ask(this.self.host, requestFor(operation, given))
    expect(answer.status, operation.key).toBe(200)
  }

  /** With every credential of the other's at our host: refused where one is needed, without effect where none is. */
  async expectCredentialsRefused(operation: Operation): Promise<void> {
    const send = async (credentials: Credentials, values: Values) => {
      await this.#meet()
      const given = { values, credentials, naming: positionsOf(operation), idempotencyKey: this.freshKey() }
      return this.ask(this.self.host, requestFor(operation, given))
    }
    const { self, other } = this
    if (operation.credential === undefined) {
      if (operation.method !== 'GET') return
      expect(faceOf(await send(other.credentials, self.values)), operation.key).toEqual(faceOf(await send({}, self.values)))
      return
    }
    for (const credentials of this.#othersCredentials(operation)) {
      for (const values of [self.values, other.values]) {
        const answer = await send(credentials, values)
        expect([401, 404], `${operation.key} with ${Object.keys(credentials).join(', ')} of another's`).toContain(answer.status)
        expect(answer.text, operation.key).not.toContain(self.canary)
      }
    }
  }

  #othersCredentials({ credential }: Operation): Credentials[] {
    const { access, apiKey, cart, order, customer } = this.other.credentials
    const all: Credentials = { access, cart, order }
    if (credential === 'access') return [all, { access }, { access: apiKey }, { access: this.admin }, { access: cart }, { customer }]
    if (credential === 'customer') return [{ customer, cart, order }, { customer }, { access }, { access: apiKey }, { customer: order }]
    const kind = credential === 'cart' ? 'cart' : 'order'
    // What the other would give out for a cart or order of its own with the id of ours.
    const twin = capabilityToken(this.api.shop.keys, this.other.merchant.id, kind, this.self.values[`${kind}_id`]!)
    return [all, { [kind]: all[kind]! }, { [kind]: kind === 'cart' ? order : cart }, { [kind]: twin }, { access }]
  }

  /** The other's cursor is none of ours. */
  async expectCursorRefused(operation: Operation): Promise<void> {
    const page = (shop: FullShop, more: string) => {
      const request = requestFor(operation, { values: shop.values, credentials: this.credentialsOf(shop, operation) })
      return { ...request, url: `${request.url}${request.url.includes('?') ? '&' : '?'}limit=1${more}` }
    }
    for (const shop of [this.other, this.self]) {
      const { next_cursor: cursor } = (await this.api.call(shop.host, page(shop, ''))).body
      expect(cursor, `${operation.key}: fillShop of twin-shops.ts must make at least two of these`).toEqual(expect.any(String))
      await this.#meet()
      const answer = await this.ask(this.self.host, page(this.self, `&cursor=${encodeURIComponent(cursor)}`))
      if (shop === this.self) expect(answer.status, `${operation.key} goes on`).toBe(200)
      else expect([answer.status, answer.body.type], operation.key).toEqual([400, expect.stringMatching(/invalid-cursor$/)])
    }
  }

  /** A name that both have leads each to its own. */
  async expectOwnByName(operation: Operation, name: string): Promise<void> {
    const request = (shop: FullShop) =>
      requestFor(operation, { values: shop.shared, credentials: this.credentialsOf(shop, operation), naming: [name] })
    expect(this.self.shared[name]).toBe(this.other.shared[name])
    await this.#meet()
    const answer = await this.ask(this.self.host, request(this.self))
    expect([answer.status, answer.text], operation.key).toEqual([200, expect.stringContaining(this.self.canary)])
    const theirs = await this.api.call(this.other.host, request(this.other))
    expect([theirs.status, theirs.text], operation.key).toEqual([200, expect.stringContaining(this.other.canary)])
    expect(theirs.text, operation.key).not.toContain(this.self.canary)
  }

  /**
   * The same key, and where nothing is named the same request, at two merchants: two effects, and nothing of the one in the other's
   * answer.
   */
  async expectOwnEffect(operation: Operation): Promise<void> {
    const [first, second] = (await this.spareShops(2)) as [FullShop, FullShop]
    const secrets = await Secrets.of(this.rows, first, second)
    const positions = positionsOf(operation)
    const send = async (shop: FullShop, values = shop.values, idempotencyKey = 'one-key', issued?: Values) => {
      const credentials = this.credentialsOf(shop, operation, issued)
      const answer = await this.api.call(shop.host, requestFor(operation, { values, credentials, naming: positions, idempotencyKey }))
      if (shop === second) expect(secrets.in(JSON.stringify(answer.headers) + answer.text), `${operation.key} betrays`).toEqual([])
      return answer
    }
    const isReplay = (answer: Answer) => answer.headers['idempotent-replayed'] === 'true'
    const done = await send(first)
    expect([done.status < 300, isReplay(done)], `${operation.key}: ${done.text}`).toEqual([true, false])
    if (positions.length > 0) {
      const [theirs, nobodysThings] = [this.withOthers(positions, second, first), this.withNobodys(positions, second, first)]
      const stolen = await send(second, theirs, 'one-key', theirs)
      expect(faceOf(stolen), operation.key).toEqual(faceOf(await send(second, nobodysThings, this.freshKey(), nobodysThings)))
    }
    const own = await send(second)
    expect([own.status, isReplay(own)], `${operation.key}: ${own.text}`).toEqual([done.status, false])
    // An answer without an id may be the same: what was done is another's all the same.
    if (UUID.test(done.text)) expect(own.text, operation.key).not.toBe(done.text)
    const again = await send(second)
    expect([again.status, isReplay(again), again.text], operation.key).toEqual([own.status, true, own.text])
  }

  /** The rows of these shops are what they were, in every table there is. */
  async expectUnchanged(shops: readonly FullShop[], work: () => Promise<void>): Promise<void> {
    const content = async () => (await Promise.all(shops.map(({ merchant }) => allRows(this.rows, merchant.id)))).join('\n').split('\n')
    const before = await content()
    await work()
    const after = await content()
    const [then, now] = [new Set(before), new Set(after)]
    const changed = [...before.filter((row) => !now.has(row)), ...after.filter((row) => !then.has(row))]
    if (changed.length > 0 || before.length !== after.length) throw new Error(`Rows have changed: ${changed.join('\n').slice(0, 2_000)}`)
  }
}

/** Whether a door to any merchant has been opened, and so the connection used. */
class Doors {
  opened = true

  constructor(router: Router) {
    const face = router.inMerchant.bind(router)
    router.inMerchant = (merchant) => this.#watched(face(merchant))
  }

  #watched(door: InMerchant): InMerchant {
    const watch =
      <Given extends unknown[], Answered>(open: (...given: Given) => Answered) =>
      (...given: Given): Answered => {
        this.opened = true
        return open(...given)
      }
    const { merchant, ...ways } = door
    return Object.assign(
      watch(door),
      { merchant },
      ...Object.entries(ways).map(([name, way]) => ({ [name]: watch(way as () => unknown) })),
    ) as InMerchant
  }
}

/** All of an answer that a caller could compare. */
export function faceOf({ status, headers, text }: Answer) {
  const { 'request-id': _id, date: _date, ...told } = headers
  return { status, text, headers: told }
}

/** The places of a request that name something: each by itself, and all of them. */
function substitutions(operation: Operation): string[][] {
  const positions = positionsOf(operation)
  return positions.length > 1 ? [...positions.map((name) => [name]), positions] : positions.map((name) => [name])
}

function nobodys(name: string, other: FullShop): string {
  const value = other.values[name]
  if (value === undefined) throw new Error(`Say in twin-shops.ts where a shop's ${name} comes from.`)
  if (idsIn(value).size > 0) return NOBODYS_ID
  if (!value.includes(other.canary)) throw new Error(`${name} of twin-shops.ts must name something that only one shop has.`)
  return value.replace(other.canary, 'n'.repeat(other.canary.length))
}
