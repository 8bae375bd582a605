import { setTimeout as pause } from 'node:timers/promises'
import { openDatabase } from './database.ts'
import { fillCart } from './demo-cart.ts'
import { readDemoShops } from './demo-shops.ts'
import { baseDomain } from './environment.ts'
import { describeFailure, Explained } from './explained.ts'
import { type Client, clientOf, expectOk } from './http-client.ts'
import { OrderLoop } from './order-loop.ts'
import { hasSecondCell, SECOND_CELL, writeCells } from './second-cell.ts'
import { lockHolder } from './start-lock.ts'
import { openSecrets, type Secrets, type State, statePaths } from './state.ts'

// Beside `npm start`: a second cell if there is none yet, buyers who go on buying at a demo shop, and meanwhile the shop moves
// to the other cell. Called again while the old home is still kept up to date, it takes the shop back without copying anything.

const ADMIN_EMAIL = 'admin@souk.example'
const SLUG = process.argv[2] ?? 'kaffa'
const BUYERS = 2
const DELIVERED = 10_000
const MOVE_WITHIN_MS = 600_000
const CELL_KNOWN_WITHIN_MS = 60_000
const ASKED_EVERY_MS = 25
const BEFORE_AND_AFTER_MS = 2_000

interface Move {
  id: string
  from_cell: string
  to_cell: string
  state: string
  direction: 'forward' | 'back'
  failure: string | null
  figures: { write_pause_ms?: number; seeded_rows?: number; verified_rows?: number }
}

process.exitCode = await main()

async function main(): Promise<number> {
  try {
    await run()
    return 0
  } catch (error) {
    console.error(describeFailure(error))
    return 1
  }
}

async function run(): Promise<void> {
  const state = statePaths()
  const holder = lockHolder(state.lock)
  if (!holder) throw new Explained('Nothing runs here. Run `npm start` in another terminal first.')
  const { signal } = new AbortController()
  const platform = clientOf(`platform.${baseDomain()}`, holder.port, signal)
  const secrets = openSecrets(state)
  const session = await platform({ method: 'POST', path: '/v1/sessions', json: { email: ADMIN_EMAIL, password: secrets.adminPassword } })
  const token = String(expectOk(session, "The platform admin's log-in").access_token)
  await ensureSecondCell(state, secrets, platform, token)

  const shop = clientOf(`${SLUG}.${baseDomain()}`, holder.port, signal)
  const lines = await fillCart(shop, SLUG)
  if (lines.length === 0) throw new Explained(`${SLUG} has nothing left that these buyers want.`)
  await deliver(shop, secrets, lines[0]!.variantId)
  const orders = new OrderLoop(shop, lines)
  const buying = Promise.all(Array.from({ length: BUYERS }, () => orders.run()))
  try {
    await pause(BEFORE_AND_AFTER_MS)
    console.log(`· ${orders.placed} orders so far; they go on`)
    const move = await follow(platform, token, await begin(platform, token))
    await pause(BEFORE_AND_AFTER_MS)
    orders.stop()
    await buying
    tell(move, orders)
  } finally {
    orders.stop()
  }
}

async function ensureSecondCell(state: State, secrets: Secrets, platform: Client, token: string): Promise<void> {
  if (!hasSecondCell(state)) {
    console.log('· A second cell')
    const first = await openDatabase(state, secrets, () => {})
    writeCells(state, first, await openDatabase(state, secrets, (line) => console.log(`· ${line}`), 'second'))
  }
  const list = expectOk(await platform({ method: 'GET', path: '/v1/cells', token }), 'Listing the cells')
  if ((list.data as { name: string }[]).some(({ name }) => name === SECOND_CELL)) return
  const end = performance.now() + CELL_KNOWN_WITHIN_MS
  for (;;) {
    const answer = await platform({ method: 'POST', path: '/v1/cells', token, json: { name: SECOND_CELL, kind: 'shared' } })
    // The API looks at its addresses every few seconds.
    if (answer.status < 300 || performance.now() > end) return void expectOk(answer, 'Registering the second cell')
    await pause(500)
  }
}

/** So that these buyers buy nothing away from others. */
async function deliver(shop: Client, { staffPassword }: Secrets, variantId: string): Promise<void> {
  const email = readDemoShops().find(({ slug }) => slug === SLUG)?.staff_email
  const session = await shop({ method: 'POST', path: '/v1/admin/sessions', json: { email, password: staffPassword } })
  const token = String(expectOk(session, `${SLUG}'s staff's log-in`).access_token)
  const json = { change: DELIVERED, reason: 'For the buyers of npm run move-demo' }
  const idempotencyKey = `move-demo-${Date.now()}`
  expectOk(await shop({ method: 'POST', path: `/v1/admin/stock/${variantId}/adjustments`, token, idempotencyKey, json }), 'A delivery')
}

/** A move to the other cell, or the way back of one that is still watched. */
async function begin(platform: Client, token: string): Promise<Move> {
  const found = expectOk(await platform({ method: 'GET', path: `/v1/merchants?slug=${SLUG}`, token }), 'Looking for the merchant')
  const [merchant] = found.data as { id: string; cell: string }[]
  if (!merchant) throw new Explained(`There is no merchant ${SLUG}.`)
  const open = expectOk(
    await platform({ method: 'GET', path: `/v1/moves?merchant_id=${merchant.id}&unfinished=true`, token }),
    'Looking for a move',
  )
  const [watched] = open.data as Move[]
  if (watched) {
    console.log(`· ${SLUG} goes back to ${watched.from_cell}`)
    const answer = await platform({ method: 'POST', path: `/v1/moves/${watched.id}/rollback`, token, json: {} })
    return expectOk(answer, 'Taking the move back') as unknown as Move
  }
  const cells = expectOk(await platform({ method: 'GET', path: '/v1/cells', token }), 'Listing the cells').data as { name: string }[]
  const to = cells.map(({ name }) => name).find((name) => name !== merchant.cell)
  console.log(`· ${SLUG} moves from ${merchant.cell} to ${to}`)
  const wish = { merchant_id: merchant.id, to_cell: to }
  return expectOk(await platform({ method: 'POST', path: '/v1/moves', token, json: wish }), 'Asking for a move') as unknown as Move
}

/** Says each state as it comes, until the merchant lives in its new home. */
async function follow(platform: Client, token: string, asked: Move): Promise<Move> {
  const end = performance.now() + MOVE_WITHIN_MS
  const arrived = asked.direction === 'back' ? ['retiring', 'rolled_back'] : ['watching']
  for (let last = ''; ; ) {
    const answer = await platform({ method: 'GET', path: `/v1/moves/${asked.id}`, token })
    const move = expectOk(answer, 'Asking how the move is going') as unknown as Move
    if (move.state !== last) console.log(`    ${move.state.replaceAll('_', ' ')}`)
    last = move.state
    if (arrived.includes(move.state)) return move
    if (['aborted', 'done', 'rolled_back'].includes(move.state)) throw new Explained(`The move has ended: ${move.failure}`)
    if (performance.now() > end) throw new Explained(`The move takes long: ${move.failure ?? move.state}. See .souk/logs/worker.log.`)
    await pause(ASKED_EVERY_MS)
  }
}

function tell({ direction, from_cell, to_cell, figures }: Move, orders: OrderLoop): void {
  const home = direction === 'back' ? from_cell : to_cell
  console.log(`
${SLUG} lives in ${home} now.
  orders meanwhile       ${orders.placed}, ${orders.failed} failed
  writers waited         ${figures.write_pause_ms} ms
  slowest checkout       ${orders.slowestMs.toFixed(0)} ms
  rows compared          ${figures.verified_rows}${direction === 'forward' ? ', before the switch' : ', none copied'}`)
  if (direction === 'forward') console.log('\nThe old home is kept up to date for a day. `npm run move-demo` again takes it back.')
}
