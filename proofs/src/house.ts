import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { checkInvariantsAtRest, type Violation } from '@souk/migrations/invariants.ts'
import type { RoleName } from '@souk/migrations/roles.ts'
import { SandboxPsp } from '@souk/sandbox-psp/start-sandbox-psp.ts'
import { CellServer } from './cell-server.ts'
import { Client, expectStatus } from './client.ts'
import { Process } from './process.ts'

const ADMIN = { email: 'admin@platform.example', password: 'proof of the platform' }
const OWNER = { email: 'owner@shop.example', name: 'Owner', password: 'proof of the shop' }
const FIRST_CELL = 'shared-1'
const IMPORT_WITHIN_MS = 120_000

export interface NewShop {
  slug: string
  currency?: string
  country?: string
  prices_include_tax?: boolean
  tax_rate_percent?: string
  shipping?: { name: string; amount_minor: number }
}

export interface Shop {
  id: string
  slug: string
  /** As a buyer: no credentials. */
  buyer: Client
  /** As the first member of staff. */
  staff: Client
}

/** The whole platform, run as in production: durable PostgreSQL clusters of its own, the API and the worker as processes. */
export class House {
  readonly api = new Process('apps/api/src/main.ts')
  readonly worker = new Process('apps/worker/src/main.ts')
  /** Where processes find things instead, if anywhere: proxies that go wrong. Holds for processes started afterwards. */
  detours: { databasePort?: number; paymentProvider?: string } = {}
  /** Further environment of all processes started afterwards. */
  further: Record<string, string> = {}
  /** By name; the first has the directory too. Each is a cluster of its own, unless the house was opened with one server for all. */
  readonly cells: ReadonlyMap<string, CellServer>
  readonly #folder: string
  readonly #port: number
  readonly #psp: SandboxPsp | undefined

  private constructor(folder: string, cells: CellServer[], port: number, psp: SandboxPsp | undefined) {
    this.#folder = folder
    this.cells = new Map(cells.map((cell) => [cell.name, cell]))
    this.#port = port
    this.#psp = psp
  }

  /** Databases, roles, schema, keys and an admin; of the processes only the payment provider runs yet, where there is to be one. */
  static async open(options: { paymentProvider?: boolean; cells?: number; oneServer?: boolean } = {}): Promise<House> {
    const folder = await mkdtemp(join(tmpdir(), 'souk-house-'))
    await chmod(folder, 0o755)
    const cells = [await CellServer.start(FIRST_CELL, join(folder, 'postgres'))]
    for (let n = 2; n <= (options.cells ?? 1); n++) {
      const name = `shared-${n}`
      cells.push(
        options.oneServer === true ? await CellServer.beside(cells[0]!, name) : await CellServer.start(name, join(folder, `postgres-${n}`)),
      )
    }
    const psp = options.paymentProvider === true ? await SandboxPsp.start({ folder: join(folder, 'psp') }) : undefined
    const house = new House(folder, cells, await freePort(), psp)
    await writeFile(join(folder, 'keys.json'), JSON.stringify(newKeys()), { mode: 0o600 })
    await house.#createAdmin()
    return house
  }

  get adminUrl(): string {
    return this.cell().adminUrl
  }

  /** The sandbox payment provider of a house that was opened with one. */
  get psp(): SandboxPsp {
    if (this.#psp === undefined) throw new Error('this house was opened without a payment provider')
    return this.#psp
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get dataDir(): string {
    return this.cell().dataDir
  }

  cell(name = FIRST_CELL): CellServer {
    const cell = this.cells.get(name)
    if (cell === undefined) throw new Error(`this house has no cell ${name}`)
    return cell
  }

  url(role: RoleName, port?: number): string {
    return this.cell().url(role, port)
  }

  /** The environment of both processes. */
  environment(): Record<string, string> {
    const url = (role: RoleName) => this.url(role, this.detours.databasePort)
    return {
      HOST: '127.0.0.1',
      PORT: String(this.#port),
      BASE_DOMAIN: 'localhost',
      LOG_LEVEL: 'warn',
      SOUK_DIRECTORY_URL: url('souk_app'),
      SOUK_PLATFORM_URL: url('souk_platform'),
      SOUK_CELLS: JSON.stringify(this.#cellUrls()),
      ...(this.cells.size > 1 && { SOUK_MOVER_URL: this.url('souk_mover') }),
      SOUK_KEYS_FILE: join(this.#folder, 'keys.json'),
      ...(this.#psp !== undefined && {
        SOUK_PAYMENT_PROVIDERS: JSON.stringify({ sandbox: { api_bases: [this.detours.paymentProvider ?? this.#psp.url] } }),
      }),
      ...this.further,
    }
  }

  async startApi(further: Record<string, string> = {}): Promise<void> {
    this.api.start({ ...this.environment(), ...further })
    await this.api.ready(`${this.origin}/readyz`, { host: 'platform.localhost' })
  }

  startWorker(further: Record<string, string> = {}): void {
    this.worker.start({ ...this.environment(), ...further })
  }

  /** Asks the database as its administrator, past every policy: for what no API shows. */
  async query<Row extends object>(text: TemplateStringsArray, ...values: string[]): Promise<Row[]> {
    return this.cell().query<Row>(text, ...values)
  }

  databaseRuns(cell = FIRST_CELL): boolean {
    return this.cell(cell).runs()
  }

  /** kill -9 of a whole database server; `restartDatabase` brings it back on the same port. */
  async killDatabase(cell = FIRST_CELL): Promise<void> {
    await this.cell(cell).kill()
  }

  async restartDatabase(cell = FIRST_CELL): Promise<void> {
    await this.cell(cell).restart()
  }

  client(host: string): Client {
    return new Client(this.origin, host)
  }

  /** The platform's API, as its admin who has just signed in. */
  async signInAdmin(): Promise<Client> {
    const platform = this.client('platform.localhost')
    const session = expectStatus(await platform.post('/v1/sessions', ADMIN), 200)
    return platform.with({ authorization: `Bearer ${session.access_token}` })
  }

  /** A merchant made through the platform API, with a signed-in member of staff. */
  async addShop(given: NewShop): Promise<Shop> {
    const platform = await this.signInAdmin()
    const merchant = {
      name: given.slug,
      currency: 'EUR',
      country: 'DE',
      prices_include_tax: true,
      tax_rate_percent: '19',
      shipping: { name: 'Parcel', amount_minor: 490 },
      contact_email: OWNER.email,
      staff: OWNER,
      ...given,
    }
    const headers = { 'idempotency-key': `shop-${given.slug}` }
    const created = expectStatus(await platform.post<{ merchant: { id: string } }>('/v1/merchants', merchant, headers), 201)
    await platform.close()
    const buyer = this.client(`${given.slug}.localhost`)
    return { id: created.merchant.id, slug: given.slug, buyer, staff: buyer.with(await this.signIn(buyer)) }
  }

  /** The headers of a fresh session of the shop's first member of staff. */
  async signIn(buyer: Client): Promise<Record<string, string>> {
    const session = expectStatus(await buyer.post('/v1/admin/sessions', { email: OWNER.email, password: OWNER.password }), 200)
    return { authorization: `Bearer ${session.access_token}` }
  }

  /** Uploads a product file and waits until the worker is through with it. Answers the import. */
  async importProducts(shop: Shop, csv: string | Buffer): Promise<Record<string, unknown>> {
    const raw = { type: 'text/csv', content: csv }
    const upload = expectStatus(await shop.staff.call('/v1/admin/imports?file_name=products.csv', { method: 'POST', raw }), 202)
    return this.importFinished(shop, String(upload.id))
  }

  /** Waits until an import has ended, well or badly. */
  async importFinished(shop: Shop, importId: string): Promise<Record<string, unknown>> {
    const end = performance.now() + IMPORT_WITHIN_MS
    while (performance.now() < end) {
      const found = await shop.staff.get(`/v1/admin/imports/${importId}`).catch(() => undefined)
      if (found?.status === 200 && (found.body.status === 'done' || found.body.status === 'failed')) return found.body
      await pause(50)
    }
    throw new Error(`the import did not end within ${IMPORT_WITHIN_MS} ms; the worker said:\n${this.worker.output}`)
  }

  /** What is broken now that nobody buys. */
  async invariants(): Promise<Violation[]> {
    return (await Promise.all([...this.cells.values()].map(({ adminUrl }) => checkInvariantsAtRest(adminUrl)))).flat()
  }

  async close(): Promise<void> {
    await Promise.all([this.api.stop().catch(() => this.api.kill()), this.worker.stop().catch(() => this.worker.kill())])
    await this.#psp?.close()
    await Promise.all([...this.cells.values()].map((cell) => cell.stop()))
    await rm(this.#folder, { recursive: true, force: true })
  }

  /** Merchants are moved where there is somewhere to go. Movers make no detour: nothing goes between databases but their own streams. */
  #cellUrls(): Record<string, Record<string, string>> {
    return Object.fromEntries(
      [...this.cells.values()].map((cell) => {
        const port = cell.name === FIRST_CELL ? this.detours.databasePort : undefined
        const urls = { app: cell.url('souk_app', port), queue: cell.url('souk_queue', port), platform: cell.url('souk_platform', port) }
        return [cell.name, this.cells.size === 1 ? urls : { ...urls, mover: cell.url('souk_mover') }]
      }),
    )
  }

  async #createAdmin(): Promise<void> {
    const create = new Process('apps/api/src/create-admin.ts')
    create.start({ ...this.environment(), SOUK_ADMIN_EMAIL: ADMIN.email, SOUK_ADMIN_PASSWORD: ADMIN.password })
    const code = await create.finished()
    if (code !== 0) throw new Error(`no admin could be made:\n${create.output}`)
  }
}

function newKeys() {
  const { privateKey } = generateKeyPairSync('ed25519')
  return {
    jwt: [{ kid: randomUUID(), privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) }],
    tokens: [{ kid: 'k1', secret: randomBytes(32).toString('base64') }],
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}
