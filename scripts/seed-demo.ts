import { setTimeout as pause } from 'node:timers/promises'
import { type CartLine, fillCart } from './demo-cart.ts'
import { type DemoPayments, openAtProvider, takePayments } from './demo-payments.ts'
import { type Catalog, type DemoShop, readCatalog, readDemoShops } from './demo-shops.ts'
import { Explained } from './explained.ts'
import { type Answer, type Call, clientOf, expectOk, patient } from './http-client.ts'
import { buildPlugin } from './plugin-bundle.ts'
import { setUpShop, staffOf } from './set-up-shop.ts'
import { readSetup } from './shop-setup.ts'

export interface DemoOptions {
  port: number
  baseDomain: string
  admin: { email: string; password: string }
  staffPassword: string
  payments: DemoPayments
  stopping: AbortSignal
  log: (line: string) => void
}

export interface OpenShop {
  slug: string
  name: string
  currency: string
  url: string
  staffEmail: string
  /** What the notes put into a cart there, as far as it can be bought now. */
  cart: CartLine[]
}

type Client = (call: Call) => Promise<Answer>

const IMPORT_TIMEOUT_MS = 90_000
const POLL_MS = 100

/**
 * Opens the demo's shops through the API alone, as any merchant's would be. Repeating it finds what is there and goes on with what is missing,
 * wherever an earlier run was killed; the second complete run writes nothing.
 */
export async function seedDemo(options: DemoOptions): Promise<OpenShop[]> {
  const platform = patient(clientOf(`platform.${options.baseDomain}`, options.port, options.stopping), options.stopping)
  const adminToken = await logIn(platform, '/v1/sessions', options.admin, 'The platform admin')
  const known = await knownShops(platform, adminToken)
  const served: DemoShop[] = []
  for (const shop of readDemoShops()) {
    const status = known.get(shop.slug)
    if (status === undefined) {
      await createMerchant(platform, adminToken, shop, options.staffPassword)
      options.log(`${shop.slug}: merchant created`)
    }
    // An admin has closed it, or has it erased, which the worker goes on with.
    if (status === undefined || status === 'active') served.push(shop)
    else options.log(`${shop.slug}: ${status}, and left as it is`)
  }
  // The worker imports them side by side.
  return Promise.all(served.map((shop) => openShop(shop, options)))
}

/** Statuses by slug. A merchant that is still being provisioned was begun by a run that was killed; the same request finishes it. */
async function knownShops(platform: Client, token: string): Promise<Map<string, string>> {
  const known = new Map<string, string>()
  for (let cursor: unknown = null; ; ) {
    const query = `limit=100${cursor === null ? '' : `&cursor=${encodeURIComponent(String(cursor))}`}`
    const page = expectOk(await platform({ method: 'GET', path: `/v1/merchants?${query}`, token }), 'Listing the merchants')
    for (const { slug, status } of page.data as { slug: string; status: string }[]) if (status !== 'provisioning') known.set(slug, status)
    cursor = page.next_cursor ?? null
    if (cursor === null) return known
  }
}

async function createMerchant(platform: Client, token: string, shop: DemoShop, staffPassword: string): Promise<void> {
  const { staff_email: staffEmail, catalog: _, ...merchant } = shop
  const answer = await platform({
    method: 'POST',
    path: '/v1/merchants',
    token,
    idempotencyKey: `demo-merchant-${shop.slug}`,
    json: { ...merchant, staff: { email: staffEmail, name: `${shop.name} (demo)`, password: staffPassword } },
  })
  expectOk(answer, `Creating the merchant ${shop.slug}`)
}

async function openShop(shop: DemoShop, options: DemoOptions): Promise<OpenShop> {
  const host = `${shop.slug}.${options.baseDomain}`
  const url = `http://${host}:${options.port}`
  const client = patient(clientOf(host, options.port, options.stopping), options.stopping)
  const staff = { email: shop.staff_email, password: options.staffPassword }
  const token = await logIn(client, '/v1/admin/sessions', staff, `${shop.slug}'s staff`)
  await importCatalog(client, token, readCatalog(shop, url), shop.slug, options)
  const { slug, name, currency } = shop
  const atWork = staffOf(client, token)
  const made = await setUpShop(atWork, readSetup(slug), buildPlugin)
  if (made > 0) options.log(`${slug}: set up (${made} requests)`)
  await openAtProvider(options.payments, { slug, name, url })
  if (await takePayments(atWork, options.payments, slug)) options.log(`${slug}: takes payments`)
  return { slug, name, currency, url, staffEmail: staff.email, cart: await fillCart(client, slug) }
}

async function logIn(client: Client, path: string, credentials: { email: string; password: string }, who: string): Promise<string> {
  const answer = await client({ method: 'POST', path, json: credentials })
  if (answer.status === 401) {
    throw new Explained(
      `${who} could not log in: this database was prepared with other passwords than those in .souk. ` +
        'Use the checkout that made it, or name another database in DATABASE_URL.',
    )
  }
  return String(expectOk(answer, `${who}'s log-in`).access_token)
}

/** Nothing is uploaded if the newest import is this very content, done or on its way. The first
 * to succeed sets the stock; later ones leave it as it was sold. */
async function importCatalog(client: Client, token: string, catalog: Catalog, slug: string, options: DemoOptions): Promise<void> {
  const list = expectOk(await client({ method: 'GET', path: '/v1/admin/imports?limit=100', token }), 'Listing the imports')
  const imports = list.data as ImportState[]
  const [newest] = imports
  const same = newest?.file_name === catalog.fileName && newest.status !== 'failed' && newest.status !== 'receiving'
  const current = same ? newest : await upload(client, token, catalog, imports.some((one) => one.status === 'done') ? 'keep' : 'set')
  const done = await waitForImport(client, token, current, slug)
  if (!same) options.log(`${slug}: ${done.products_done} products imported`)
}

interface ImportState {
  id: string
  file_name: string
  status: string
  products_done: number
  failure?: unknown
}

async function upload(client: Client, token: string, catalog: Catalog, stock: 'set' | 'keep'): Promise<ImportState> {
  const path = `/v1/admin/imports?file_name=${encodeURIComponent(catalog.fileName)}&stock=${stock}`
  return expectOk(await client({ method: 'POST', path, token, csv: catalog.csv }), 'The upload of a catalogue') as unknown as ImportState
}

async function waitForImport(client: Client, token: string, started: ImportState, slug: string): Promise<ImportState> {
  const deadline = Date.now() + IMPORT_TIMEOUT_MS
  for (let current = started; ; ) {
    if (current.status === 'done') return current
    if (current.status === 'failed')
      throw new Explained(`The import of ${slug} failed: ${JSON.stringify(current.failure)}. See .souk/logs/worker.log.`)
    if (Date.now() > deadline) throw new Explained(`The import of ${slug} is still ${current.status}. See .souk/logs/worker.log.`)
    await pause(POLL_MS)
    const answer = await client({ method: 'GET', path: `/v1/admin/imports/${started.id}`, token })
    current = expectOk(answer, 'Asking how an import is going') as unknown as ImportState
  }
}
