import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { isFree } from '@souk/local-postgres/ports.ts'
import { childrenOf, commandOf, isRunning } from '@souk/local-postgres/processes.ts'
import { stopServer } from '@souk/local-postgres/server.ts'
import { makeFleetingFolder } from '@souk/local-postgres/throwaway-folder.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readDemoShops } from './demo-shops.ts'
import { clientOf } from './http-client.ts'
import { root } from './pnpm.mjs'
import { staffOf } from './set-up-shop.ts'

// The command itself, as a person runs it, with its state in a folder of these tests' own. Each test goes on from whatever is there: nothing, what
// another has left, or what still runs, as a person does. Three starts and two that are killed are enough for all.

// A deadline against hanging: with other tests beside it a start takes minutes.
const START_TIMEOUT_MS = 600_000
const SHOPS = ['kaffa', 'northpaw', 'hibiki']

let folder: string
let stateDir: string
let port: number
let running: Start | undefined

interface Start {
  process: ChildProcess
  output(): string
  ended: Promise<number | string>
}

beforeAll(async () => {
  folder = makeFleetingFolder()
  stateDir = join(folder, 'state')
  port = await pickFreePort()
})

afterAll(async () => {
  if (isUp(running)) await end(running, 'SIGTERM')
  await stopServer(join(stateDir, 'postgres'))
  rmSync(folder, { recursive: true, force: true })
})

test('opens three shops that can be browsed and bought from', {
  timeout: START_TIMEOUT_MS + 60_000,
}, async () => {
  const start = await begin()
  for (const slug of SHOPS) await expectOpenShop(slug)
  const shown = await pasteLines(start.output())
  // Kaffa: three for two, a bundle, a coupon by another spelling, an order and why it cost that much.
  expect(shown).toMatch(/-590 EUR {2}From the pantry: take three, pay two\n +-380 EUR {2}Breakfast for one/)
  expect(shown).toContain('-388 EUR  Welcome: 10 % off the first order')
  expect(shown).toContain('It takes off 3.88 EUR: this is the first order.')
  expect(shown).toContain("Its conditions do not hold: customer's groups (none) do not include regulars.")
  // Kaffa by card: declined, then approved by the buyer on the provider's page; the callback settles it, and the provider took it once.
  expect(shown).toMatch(/Payment declined\. The card has not enough funds\.\nOrder paid\ncapture 4370\n/)
  // Northpaw: a stranger pays the list price, a shelter what the plugin says; the call can be read.
  expect(shown).toMatch(/14072 USD {2}Total\n(.*\n)*? +-510 USD {2}10 % off from 5 units/)
  expect(shown).toMatch(/"contract":"discount@2","input":.*"customer":\{"groups":\["shelters"\]\}/)
  // Hibiki: price lists, the reduced rate on tea, a gift.
  expect(shown).toMatch(/-360 JPY {2}Sazanami by the handful\n +-240 JPY {2}Notebooks by the stack\n +0 JPY {2}Pochibukuro with our thanks/)
  expect(shown).toMatch(/ 56 JPY {2}消費税 \(軽減\) 8 %, included in the prices/)
  const inReadme = readFileSync(join(root, 'README.md'), 'utf8').match(/^( {2,}-?\d+ [A-Z]{3} {2}| {4}It).+$/gm)!
  expect(inReadme.length).toBeGreaterThan(25)
  expect(inReadme.filter((line) => !shown.includes(line))).toEqual([])
})

test('refuses to run twice, and to be reset while it runs', { timeout: START_TIMEOUT_MS }, async () => {
  const start = await atWork()
  const second = launch('scripts/start.ts', await pickFreePort())
  expect(await second.ended).toBe(1)
  expect(second.output()).toContain(`already runs from this checkout (process ${start.process.pid}, port ${port})`)
  const reset = launch('scripts/reset.ts')
  expect(await reset.ended).toBe(1)
  expect(reset.output()).toContain(`kill ${start.process.pid}`)
  await expectOpenShop('kaffa')
})

test('survives the death of PostgreSQL', { timeout: START_TIMEOUT_MS }, async () => {
  const start = await atWork()
  process.kill(postmasterPid(), 'SIGKILL')
  await expect.poll(start.output).toContain('PostgreSQL died')
  await expect.poll(async () => (await read('kaffa', '/v1/products')).status).toBe(200)
})

test('leaves nothing running; the second time finds everything there and imports nothing', {
  timeout: 2 * START_TIMEOUT_MS,
}, async () => {
  const first = await atWork()
  const before = await Promise.all(SHOPS.map(setUpOf))
  const family = familyOf(first)
  expect(family.length).toBeGreaterThan(5)
  expect(await end(first, 'SIGTERM')).toBe(0)
  expect(family.filter(isRunning)).toEqual([])
  expect(await isFree(port)).toBe(true)
  const start = await begin()
  expect(start.output()).not.toMatch(/imported|created|set up|takes payments|Initialising|Applied/)
  expect(await Promise.all(SHOPS.map(setUpOf))).toEqual(before)
  await expectOpenShop('kaffa')
})

test('goes on where starts that were killed half way had come to', { timeout: 3 * START_TIMEOUT_MS }, async () => {
  const first = await atWork()
  const whole = await namesIn(first)
  await end(first, 'SIGINT')
  expect(await launch('scripts/reset.ts').ended).toBe(0)
  // The first has a merchant, but not its catalogue; the second one shop set up, and the others half.
  for (const point of ['merchant created', ': set up']) {
    await expect.poll(() => isFree(port)).toBe(true)
    const killed = launch('scripts/start.ts')
    await expect.poll(killed.output, { timeout: START_TIMEOUT_MS, interval: 5 }).toContain(point)
    killed.process.kill('SIGKILL')
    await killed.ended
  }
  const start = await begin()
  for (const slug of SHOPS) await expectOpenShop(slug)
  expect(start.output()).not.toContain('Initialising')
  expect(await namesIn(start)).toEqual(whole)
})

test('an app that crashes takes everything down, and is named', { timeout: START_TIMEOUT_MS }, async () => {
  const start = await atWork()
  const family = familyOf(start)
  const worker = family.find((pid) => commandOf(pid)?.includes('apps/worker/'))
  process.kill(worker!, 'SIGKILL')
  expect(await start.ended).toBe(1)
  expect(start.output()).toContain('worker stopped unexpectedly (SIGKILL)')
  expect(family.filter(isRunning)).toEqual([])
})

/** What another test has left running, or else a new start. */
async function atWork(): Promise<Start> {
  return isUp(running) ? running : begin()
}

function isUp(start: Start | undefined): start is Start {
  return start !== undefined && start.process.exitCode === null && start.process.signalCode === null
}

/** Starts, and waits for the closing notes. The API of a start that was killed may hold the port for a moment. */
async function begin(): Promise<Start> {
  await expect.poll(() => isFree(port)).toBe(true)
  running = launch('scripts/start.ts')
  const { output, ended } = running
  const failed = ended.then((outcome) => {
    throw new Error(`npm start ended with ${outcome}:\n${output()}`)
  })
  await Promise.race([failed, expect.poll(output, { timeout: START_TIMEOUT_MS }).toContain('Souk is running')])
  failed.catch(() => {})
  return running
}

function launch(script: string, atPort = port): Start {
  const environment = { ...process.env, SOUK_STATE_DIR: stateDir, PORT: String(atPort), DATABASE_URL: '' }
  const child = spawn(process.execPath, [join(root, script)], { cwd: root, env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
    })
  }
  const ended = new Promise<number | string>((resolve) => child.once('close', (code, signal) => resolve(code ?? signal ?? 'nothing')))
  return { process: child, output: () => output, ended }
}

async function end(start: Start, signal: NodeJS.Signals): Promise<number | string> {
  start.process.kill(signal)
  return start.ended
}

/** The apps, and PostgreSQL with its children. */
function familyOf(start: Start): number[] {
  return [...childrenOf(start.process.pid!), postmasterPid(), ...childrenOf(postmasterPid())]
}

function postmasterPid(): number {
  return Number(readFileSync(join(stateDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0])
}

async function expectOpenShop(slug: string): Promise<void> {
  const list = await read(slug, '/v1/products?limit=100')
  expect(list.status).toBe(200)
  const products = JSON.parse(list.body).data as { image: { url: string } | null }[]
  expect(products.length).toBeGreaterThanOrEqual(40)
  const { host, pathname } = new URL(products.find((product) => product.image)!.image!.url)
  expect(host).toBe(`${slug}.localhost:${port}`)
  const picture = await read(slug, pathname)
  expect([picture.status, picture.type]).toEqual([200, 'image/svg+xml'])
}

/** Runs the lines under "Try it" as printed, and answers what they print. */
async function pasteLines(output: string): Promise<string> {
  const [, lines] = output.split('Try it (paste the lines in order)\n')
  return (await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', lines!])).stdout
}

const SET_UP = [
  ...['collections', 'customer-groups', 'customers', 'tax-rates', 'shipping-zones', 'shipping-methods', 'coupon-batches'],
  ...['promotions', 'coupons', 'plugins/installs', 'plugins/releases', 'payment-accounts'],
]

/** All that staff have set up, as the API shows it. */
async function setUpOf(slug: string): Promise<Record<string, Record<string, unknown>[]>> {
  const { staffPassword } = JSON.parse(readFileSync(join(stateDir, 'secrets.json'), 'utf8'))
  const { staff_email: email } = readDemoShops().find((shop) => shop.slug === slug)!
  const client = clientOf(`${slug}.localhost`, port, AbortSignal.timeout(60_000))
  const session = await client({ method: 'POST', path: '/v1/admin/sessions', json: { email, password: staffPassword } })
  const staff = staffOf(client, String(session.body.access_token))
  // What a job still makes may grow.
  const [batch] = await staff.list('/v1/admin/coupon-batches')
  if (batch) await expect.poll(async () => (await staff.read(`/v1/admin/coupon-batches/${batch.id}`)).status).toBe('done')
  const lists = await Promise.all(SET_UP.map(async (path) => [path, await staff.list(`/v1/admin/${path}`)]))
  return Object.fromEntries(lists)
}

/** What everything is called, and how far promotions have come: the same in every demo, whatever its ids. */
async function namesIn(start: Start): Promise<unknown> {
  expect(start.output()).toContain('Souk is running')
  const shops = await Promise.all(SHOPS.map(setUpOf))
  return shops.map((lists) =>
    SET_UP.map((path) =>
      lists[path]!.map((one) => [one.name ?? one.title ?? one.email ?? one.plugin ?? one.prefix, one.state, one.groups, one.product_count])
        .map((names) => JSON.stringify(names, (key, value) => (key === 'id' ? undefined : value)))
        .sort(),
    ),
  )
}

function read(slug: string, path: string): Promise<{ status: number; type: string; body: string }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, headers: { host: `${slug}.localhost:${port}` } }
    const request = get(options, async (response) => {
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk as Buffer)
      resolve({
        status: response.statusCode ?? 0,
        type: String(response.headers['content-type']).split(';')[0]!,
        body: Buffer.concat(chunks).toString('utf8'),
      })
    })
    request.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') reject(error)
      else resolve({ status: 0, type: '', body: error.message })
    })
  })
}

/** Below the ports that outgoing connections are given: there it might be taken while nobody listens between two starts. */
async function pickFreePort(): Promise<number> {
  for (;;) {
    const candidate = 15_000 + Math.floor(Math.random() * 15_000)
    if (await isFree(candidate)) return candidate
  }
}
