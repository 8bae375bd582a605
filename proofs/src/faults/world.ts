import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OpenedAccount } from '@souk/sandbox-psp/control.ts'
import type { CrashPoint } from '@souk/tenant-router/crash-point.ts'
import { expectStatus } from '../client.ts'
import { type Armed, CrashOrders } from '../crash-orders.ts'
import { stockShop } from '../goods.ts'
import { House, type Shop } from '../house.ts'
import { openAccount } from '../sandbox-account.ts'
import { supervise } from '../supervise.ts'
import { FaultProxy } from './fault-proxy.ts'
import { KEPT_PATH, Receiver } from './receiver.ts'

const SLUG = 'faults'
const STOCK = 1_000_000
const WATCHED_EVERY_MS = 20
const HOOKS_HOST = 'hooks.example'

interface Parts {
  house: House
  database: FaultProxy
  provider: FaultProxy
  hooks: FaultProxy
  receiver: Receiver
  shop: Shop
  account: OpenedAccount
  variants: string[]
  /** The last event before the receiver was known. */
  firstEvent: string
  endpoint: string
  orders: CrashOrders
  folder: string
}

/** The whole platform, with a proxy before everything it depends on, one shop, its payment provider and its receiver of webhooks. */
export class World {
  readonly house: House
  readonly database: FaultProxy
  readonly provider: FaultProxy
  readonly hooks: FaultProxy
  readonly receiver: Receiver
  /** Its staff have signed in for ten minutes: see `signIn`. */
  shop: Shop
  readonly account: OpenedAccount
  readonly variants: string[]
  readonly firstEvent: string
  /** To which all events are sent. */
  readonly endpoint: string
  /** Where processes die, and what points they pass. */
  readonly orders: CrashOrders
  readonly restarts = { api: 0, worker: 0, database: 0, provider: 0 }
  readonly #folder: string
  readonly #watching: { stop(): Promise<void> }

  private constructor(parts: Parts) {
    this.house = parts.house
    this.endpoint = parts.endpoint
    this.orders = parts.orders
    this.#folder = parts.folder
    this.database = parts.database
    this.provider = parts.provider
    this.hooks = parts.hooks
    this.receiver = parts.receiver
    this.shop = parts.shop
    this.account = parts.account
    this.variants = parts.variants
    this.firstEvent = parts.firstEvent
    this.#watching = supervise(
      [() => this.#reviveDatabase(), () => this.#reviveProvider(), () => this.#reviveProcesses()],
      WATCHED_EVERY_MS,
    )
  }

  static async open(): Promise<World> {
    const house = await House.open({ paymentProvider: true })
    try {
      return await World.#furnish(house)
    } catch (error) {
      await house.close()
      throw error
    }
  }

  static async #furnish(house: House): Promise<World> {
    const receiver = await Receiver.listen()
    const database = await FaultProxy.before({ port: Number(new URL(house.url('souk_app')).port) })
    const provider = await FaultProxy.before({ port: Number(new URL(house.psp.url).port) })
    const hooks = await FaultProxy.before({ port: receiver.port })
    house.detours = { databasePort: database.port, paymentProvider: `http://127.0.0.1:${provider.port}` }
    const orders = await CrashOrders.open()
    const folder = await mkdtemp(join(tmpdir(), 'souk-archives-'))
    house.further = {
      SOUK_WEBHOOK_HOSTS: JSON.stringify({ [HOOKS_HOST]: `http://127.0.0.1:${hooks.port}` }),
      SOUK_ARCHIVE_DIR: folder,
      SOUK_MEDIA_DIR: folder,
    }
    await house.startApi(orders.environment('api'))
    house.startWorker(orders.environment('worker'))
    const shop = await house.addShop({ slug: SLUG })
    const goods = ['tea', 'cup', 'pot'].map((handle, index) => ({ handle, price: `${4 + index}.50`, stock: STOCK }))
    const variants = [...(await stockShop(house, shop, goods)).values()]
    const account = await openAccount(house, shop)
    const { id: endpoint, secret } = await openEndpoint(shop)
    receiver.secret = Promise.resolve(secret)
    const firstEvent = await lastEvent(house)
    return new World({ house, database, provider, hooks, receiver, shop, account, variants, firstEvent, endpoint, orders, folder })
  }

  /** Everything runs and answers again. */
  async heal(): Promise<void> {
    this.orders.withdraw('api')
    this.orders.withdraw('worker')
    for (const proxy of [this.database, this.provider, this.hooks]) proxy.set({ kind: 'none' })
    this.receiver.manner = 'takes'
    if (!this.house.psp.isRunning) await this.house.psp.restart()
    await this.house.psp.control.clearScripts()
    await this.house.psp.control.changeAccount(this.account.id, {
      callbacks: { hold: false, delayMs: { min: 0, max: 0 }, copies: 1, lose: 0 },
    })
    await this.house.psp.control.releaseCallbacks()
  }

  /** Kills a process now, or where it passes a point for the nth time. */
  async crash(which: Armed, at?: { point: CrashPoint; nth: number }): Promise<void> {
    if (at === undefined) await this.house[which].kill()
    else this.orders.give(which, at)
  }

  /** Whether the API takes requests. */
  async isServing(): Promise<boolean> {
    if (!this.house.api.isRunning) return false
    const client = this.house.client('platform.localhost')
    const answer = await client.get('/readyz').catch(() => undefined)
    await client.close()
    return answer?.status === 200
  }

  /** Sessions of staff end after ten minutes. */
  async signIn(): Promise<void> {
    this.shop = { ...this.shop, staff: this.shop.buyer.with(await this.house.signIn(this.shop.buyer)) }
  }

  async close(): Promise<void> {
    await this.#watching.stop()
    await this.house.close()
    await Promise.all([this.orders.close(), rm(this.#folder, { recursive: true, force: true })])
    await Promise.all([this.database.close(), this.provider.close(), this.hooks.close()])
    await this.receiver.close()
  }

  async #reviveDatabase(): Promise<void> {
    if (this.house.databaseRuns()) return
    this.restarts.database++
    await this.house.restartDatabase()
  }

  async #reviveProvider(): Promise<void> {
    if (this.house.psp.isRunning) return
    this.restarts.provider++
    await this.house.psp.restart()
  }

  async #reviveProcesses(): Promise<void> {
    const { house, restarts } = this
    if (!house.worker.isRunning) {
      restarts.worker++
      house.startWorker(this.#armed('worker'))
    }
    if (!house.api.isRunning) {
      restarts.api++
      await house.startApi(this.#armed('api'))
    }
  }

  /** Every process takes orders. */
  #armed(which: Armed): Record<string, string> {
    return this.orders.environment(which)
  }
}

async function lastEvent(house: House): Promise<string> {
  const [row] = await house.query<{ last: string }>`select coalesce(max(sequence), 0)::text as last from event`
  return row!.last
}

async function openEndpoint(shop: Shop): Promise<{ id: string; secret: string }> {
  const body = { url: `https://${HOOKS_HOST}${KEPT_PATH}`, events: ['*'], description: 'everything' }
  return expectStatus(await shop.staff.post<{ id: string; secret: string }>('/v1/admin/webhook-endpoints', body), 201)
}
