import { setTimeout as pause } from 'node:timers/promises'
import type { NewScript } from '@souk/sandbox-psp/scripts.ts'
import type { CrashPoint } from '@souk/tenant-router/crash-point.ts'
import type { Armed } from '../crash-orders.ts'
import type { Seeded } from './seeded.ts'
import type { World } from './world.ts'

/** Something that goes wrong while buyers buy. `strike` ends when it has happened; the world is healed afterwards. */
export interface FaultCase {
  name: string
  /** What of the platform it is aimed at. */
  of: 'api' | 'worker' | 'database' | 'provider' | 'webhooks' | 'nothing'
  /** Killed at a named point. */
  isCrash?: true
  strike(world: World, seeded: Seeded): Promise<void>
}

const STRIKES = 4
const STRUCK_WITHIN_MS = 15_000

const API_POINTS = [
  'checkout.submitting',
  'checkout.submitted',
  'checkout.answering',
  'checkout.answered',
  'payment.begun',
  'payment.before_provider',
  'payment.after_provider',
  'payment.settling',
  'payment.settled',
  'callback.storing',
  'callback.stored',
] as const

const WORKER_POINTS = [
  'payment.before_provider',
  'payment.after_provider',
  'payment.settling',
  'payment.settled',
  'operation.before_provider',
  'operation.after_provider',
  'operation.settling',
  'operation.settled',
  'callback.processing',
  'callback.processed',
  'webhook.before_send',
  'webhook.after_send',
  'webhook.recorded',
  'mail.followed',
] as const

const crashes = (which: 'api' | 'worker', points: readonly CrashPoint[]): FaultCase[] =>
  points.map((point) => ({
    name: `${which} killed at ${point}`,
    of: which,
    isCrash: true,
    strike: async (world, seeded) => {
      await world.crash(which, { point, nth: seeded.between(1, 3) })
      await carriedOut(world, which)
    },
  }))

/** Until a process has died where it was told to; not for ever, because buyers may not want what leads there. */
async function carriedOut(world: World, which: Armed): Promise<void> {
  const end = performance.now() + STRUCK_WITHIN_MS
  while (world.orders.isOpen(which) && performance.now() < end) await pause(50)
}

/** Again and again for a while, with pauses that come from the seed. */
const repeatedly =
  (work: (world: World, seeded: Seeded) => Promise<void> | void, times = STRIKES): FaultCase['strike'] =>
  async (world, seeded) => {
    for (let time = 0; time < times; time++) {
      await pause(seeded.between(50, 400))
      await work(world, seeded)
    }
  }

const provider = (name: string, script: Omit<NewScript, 'account'>): FaultCase => ({
  name: `provider ${name}`,
  of: 'provider',
  strike: async (world, seeded) => {
    await world.house.psp.control.addScript({ ...script, account: world.account.id, seed: seeded.between(1, 1_000_000) })
    await pause(seeded.between(800, 1_600))
  },
})

const callbacks = (name: string, manners: { copies?: number; lose?: number; delayMs?: { min: number; max: number } }): FaultCase => ({
  name: `callbacks ${name}`,
  of: 'provider',
  strike: async (world, seeded) => {
    await world.house.psp.control.changeAccount(world.account.id, { callbacks: { ...manners, seed: seeded.between(1, 1_000_000) } })
    await pause(seeded.between(800, 1_600))
  },
})

const receiver = (name: string, manner: World['receiver']['manner']): FaultCase => ({
  name: `receiver ${name}`,
  of: 'webhooks',
  strike: async (world, seeded) => {
    world.receiver.manner = manner
    await pause(seeded.between(800, 1_600))
  },
})

export const FAULT_CASES: readonly FaultCase[] = [
  { name: 'nothing', of: 'nothing', strike: async () => {} },
  ...crashes('api', API_POINTS),
  ...crashes('worker', WORKER_POINTS),
  { name: 'api killed', of: 'api', strike: repeatedly((world) => world.crash('api'), 2) },
  { name: 'worker killed', of: 'worker', strike: repeatedly((world) => world.crash('worker'), 2) },
  { name: 'database killed', of: 'database', strike: repeatedly((world) => world.house.killDatabase(), 1) },
  {
    name: 'database connections reset',
    of: 'database',
    strike: repeatedly((world) => {
      world.database.set({ kind: 'reset' })
      world.database.set({ kind: 'none' })
    }),
  },
  {
    name: 'answer to a commit lost',
    of: 'database',
    // A statement is sent by its text once a connection, so connections are made new first.
    strike: repeatedly((world) => {
      world.database.set({ kind: 'reset' })
      world.database.set({ kind: 'lose_answer', to: Buffer.from('commit') })
    }, 8),
  },
  {
    name: 'database slow',
    of: 'database',
    strike: async (world, seeded) => {
      world.database.set({ kind: 'delay', ms: seeded.between(5, 30) })
      await pause(1_200)
    },
  },
  {
    name: 'database silent',
    of: 'database',
    strike: async (world, seeded) => {
      world.database.set({ kind: 'blackhole' })
      await pause(seeded.between(500, 1_500))
      world.database.set({ kind: 'reset' })
    },
  },
  {
    name: 'answers of the database cut',
    of: 'database',
    strike: repeatedly(async (world, seeded) => {
      world.database.set({ kind: 'cut_answers', afterBytes: seeded.between(500, 20_000) })
      await pause(100)
      world.database.set({ kind: 'none' })
    }),
  },
  provider('slow', { fault: { kind: 'slow', ms: 700 }, fraction: 0.5 }),
  provider('charges and drops the answer', { fault: { kind: 'drop', when: 'after' }, fraction: 0.5 }),
  provider('drops before charging', { fault: { kind: 'drop', when: 'before' }, fraction: 0.5 }),
  provider('answers 500 and has charged', { fault: { kind: 'error', status: 500, when: 'after' }, fraction: 0.5 }),
  provider('answers 503 and has not', { fault: { kind: 'error', status: 503, when: 'before' }, fraction: 0.5 }),
  provider('answers nonsense', { fault: { kind: 'garbage' }, fraction: 0.4 }),
  provider('answers twice', { fault: { kind: 'answer_twice' }, fraction: 0.5 }),
  provider('settles late', { fault: { kind: 'settle_late', ms: 900 }, on: ['authorize'], fraction: 0.5 }),
  provider('settles late, and declines', {
    fault: { kind: 'settle_late', ms: 900, decline: 'card_declined' },
    on: ['authorize'],
    fraction: 0.5,
  }),
  provider('lies about the amount', { fault: { kind: 'lie', amount: 1 }, on: ['authorize'], times: 2 }),
  callbacks('doubled', { copies: 3 }),
  callbacks('delayed and reordered', { delayMs: { min: 0, max: 900 }, copies: 2 }),
  callbacks('lost', { lose: 0.7 }),
  {
    name: 'provider killed',
    of: 'provider',
    strike: repeatedly((world) => world.house.psp.kill(), 2),
  },
  {
    name: 'connections to the provider reset',
    of: 'provider',
    strike: repeatedly((world) => {
      world.provider.set({ kind: 'reset' })
      world.provider.set({ kind: 'none' })
    }),
  },
  {
    name: 'provider silent',
    of: 'provider',
    strike: async (world, seeded) => {
      world.provider.set({ kind: 'blackhole' })
      await pause(seeded.between(600, 1_500))
      world.provider.set({ kind: 'reset' })
    },
  },
  receiver('refuses', 'refuses'),
  receiver('is slow', 'is_slow'),
  receiver('hangs up', 'hangs_up'),
  {
    name: 'connections to the receiver reset',
    of: 'webhooks',
    strike: repeatedly((world) => {
      world.hooks.set({ kind: 'reset' })
      world.hooks.set({ kind: 'none' })
    }),
  },
  {
    name: 'everything at once',
    of: 'nothing',
    strike: async (world, seeded) => {
      world.receiver.manner = 'refuses'
      await world.house.psp.control.addScript({ account: world.account.id, fault: { kind: 'drop', when: 'after' }, fraction: 0.3 })
      await world.crash('worker', { point: 'operation.after_provider', nth: seeded.between(1, 2) })
      await pause(seeded.between(200, 600))
      await world.crash('api', { point: 'payment.after_provider', nth: seeded.between(1, 2) })
      await pause(seeded.between(200, 600))
      world.database.set({ kind: 'reset' })
      world.database.set({ kind: 'lose_answer', to: Buffer.from('commit') })
      await pause(seeded.between(200, 600))
      await world.house.killDatabase()
    },
  },
]

/** What each case is aimed at. */
export const CASE_KINDS: ReadonlyMap<string, string> = new Map(FAULT_CASES.map(({ name, of }) => [name, of]))
