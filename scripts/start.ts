import { dirname, join } from 'node:path'
import { type Child, startChild } from './child.ts'
import { type Database, openDatabase } from './database.ts'
import { keepRunning } from './database-keeper.ts'
import { demoNotes } from './demo-notes.ts'
import { paymentProviderUrl } from './demo-payments.ts'
import { baseDomain, environmentOf, type ProcessName } from './environment.ts'
import { describeFailure, Explained } from './explained.ts'
import { choosePorts, type Ports } from './ports.ts'
import { waitUntilReady } from './readiness.ts'
import { hasSecondCell, stopSecondCell, writeCells } from './second-cell.ts'
import { seedDemo } from './seed-demo.ts'
import { takeLock } from './start-lock.ts'
import { ensureKeys, openPaymentSecret, openSecrets, openState, type Secrets, type State, statePaths } from './state.ts'

// Everything on this machine: PostgreSQL, the schema, the API, the worker, a payment provider and three demo shops, until Ctrl-C.
// What it makes is kept in .souk; a later start finds it there, and so does one after a start that was killed half way.

const ADMIN_EMAIL = 'admin@souk.example'
// Longer than the longest request or job may take.
const APP_STOP_TIMEOUT_MS = 20_000

process.exitCode = await main()

async function main(): Promise<number> {
  const started = Date.now()
  const stopping = new AbortController()
  // Every phase of stopping has a deadline of its own, so a second Ctrl-C has nothing to hurry.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort())
  const undo: (() => Promise<void> | void)[] = []
  try {
    await run(stopping.signal, undo, started)
    return 0
  } catch (error) {
    if (stopping.signal.aborted) return 0
    console.error(`\n${describeFailure(error)}`)
    return 1
  } finally {
    if (undo.length > 1) console.log('\nStopping ...')
    for (const step of undo.reverse()) await step()
    if (stopping.signal.aborted) console.log('Stopped. `npm start` goes on from here; `npm run reset` starts afresh.')
  }
}

/** Comes back when it is time to stop. Each thing that has to be undone is noted as soon as it is done. */
async function run(stopping: AbortSignal, undo: (() => Promise<void> | void)[], started: number): Promise<void> {
  const state = statePaths()
  const ports = await choosePorts()
  openState(state)
  undo.push(takeLock(state.lock, ports.api))
  const secrets = openSecrets(state)
  ensureKeys(state)

  step(whichDatabase(state))
  const database = await openDatabase(state, secrets, step)
  if (database.server) undo.push(keepRunning(database.server, state.database))
  await openCells(state, secrets, database, undo)
  stopping.throwIfAborted()

  step('Payment provider, API and worker')
  const apps = await startApps(state, secrets, database, ports, undo)
  const broken = crashOf(apps)
  await Promise.race([waitUntilReady(ports, stopping), broken])

  step('Demo shops')
  const demo = {
    admin: { email: ADMIN_EMAIL, password: secrets.adminPassword },
    staffPassword: secrets.staffPassword,
    baseDomain: baseDomain(),
    payments: { url: paymentProviderUrl(ports), secret: openPaymentSecret(state) },
  }
  const shops = await Promise.race([seedDemo({ ...demo, port: ports.api, stopping, log: step }), broken])
  console.log(demoNotes({ ...demo, ports, shops, logs: state.logs, mail: state.mail, seconds: (Date.now() - started) / 1000 }))
  await Promise.race([aborted(stopping), broken])
}

/** The cells there are: one, or two once `npm run move-demo` has asked for another. */
async function openCells(state: State, secrets: Secrets, first: Database, undo: (() => Promise<void> | void)[]): Promise<void> {
  // Also where it is asked for later: it ends with us.
  undo.push(() => stopSecondCell(state))
  const second = hasSecondCell(state) ? await openDatabase(state, secrets, step, 'second') : undefined
  if (second?.server) undo.push(keepRunning(second.server, state.secondDatabase))
  writeCells(state, first, second)
}

async function startApps(
  state: State,
  secrets: Secrets,
  database: Database,
  ports: Ports,
  undo: (() => Promise<void> | void)[],
): Promise<Child[]> {
  const environment = environmentOf(state, database, ports)
  const admin = startChild({
    name: 'create-admin',
    entry: 'apps/api/src/create-admin.ts',
    environment: { ...environment.api, SOUK_ADMIN_EMAIL: ADMIN_EMAIL, SOUK_ADMIN_PASSWORD: secrets.adminPassword },
    logFile: join(state.logs, 'create-admin.log'),
  })
  const outcome = await admin.ended
  if (outcome !== 'exit code 0') throw crash(admin, outcome)
  const start = (name: ProcessName, entry: string) =>
    startChild({ name, entry, environment: environment[name], logFile: join(state.logs, `${name}.log`) })
  const provider = start('payment-provider', 'packages/sandbox-psp/src/main.ts')
  // The last to be stopped: what the others have begun may need it.
  undo.push(() => provider.stop(APP_STOP_TIMEOUT_MS))
  const apps = [start('api', 'apps/api/src/main.ts'), start('worker', 'apps/worker/src/main.ts')]
  undo.push(async () => {
    await Promise.all(apps.map((app) => app.stop(APP_STOP_TIMEOUT_MS)))
  })
  return [provider, ...apps]
}

/** Never fulfils; rejects with the last words of the first app that ends. Apps that are stopped end too, when nobody listens any more. */
function crashOf(apps: Child[]): Promise<never> {
  const broken = Promise.race(apps.map(async (app) => crash(app, await app.ended))).then((error) => {
    throw error
  })
  broken.catch(() => {})
  return broken
}

function crash(app: Child, outcome: string): Explained {
  return new Explained(`${app.name} stopped unexpectedly (${outcome}). The end of its log:\n  ${app.lastWords().join('\n  ')}`)
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

function whichDatabase(state: State): string {
  if (process.env.DATABASE_URL) return 'PostgreSQL at DATABASE_URL'
  if (dirname(state.database) === state.folder) return 'PostgreSQL'
  return `PostgreSQL, its data in ${dirname(state.database)}: for root, it runs as a user who cannot enter this checkout`
}

function step(line: string): void {
  console.log(`· ${line}`)
}
