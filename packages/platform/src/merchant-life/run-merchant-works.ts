import { setTimeout as sleep } from 'node:timers/promises'
import { inUseCase } from '@souk/tenant-router/use-case.ts'
import { ArchiveUnusable } from './archive-format.ts'
import { type HeldWork, MerchantWorks, TURNS_MAX, type WorkKind, WorkLost } from './merchant-works.ts'
import { type LifeDeps, type Session, WorkImpossible } from './perform.ts'
import { performErasure } from './perform-erasure.ts'
import { performExport } from './perform-export.ts'
import { performRestore, performSandbox } from './perform-restore.ts'

export interface MerchantWorksOptions extends LifeDeps {
  onOutcome?: (outcome: { work: HeldWork['work']; outcome: 'done' | 'retry' | 'failed' | 'given back'; error?: unknown }) => void
  /** Told of trouble in finding work at all. */
  onError?: (error: unknown) => void
  /** Called where a crash is interesting. Tests die here. */
  onStep?: (name: string) => void
}

export interface RunningMerchantWorks {
  /** Gives back what is being done, and ends. */
  stop(): Promise<void>
}

const LOOK_EVERY_MS = 1_000
// The lease is a minute long. Who could not renew it for so long stops before another begins.
const RENEW_EVERY_MS = 10_000
const HELD_FOR_MS = 45_000

const PERFORM: Record<WorkKind, (deps: LifeDeps, session: Session) => Promise<void>> = {
  export: performExport,
  restore: performRestore,
  sandbox: performSandbox,
  erasure: performErasure,
}

/** This worker is being closed. */
class Closing extends Error {}

/** Does what was asked for, one work after the other, for as long as the process lives. */
export function runMerchantWorks(options: MerchantWorksOptions): RunningMerchantWorks {
  const closing = new AbortController()
  const running = (async () => {
    while (!closing.signal.aborted) {
      const worked = await workOnce(options, closing.signal).catch((error) => {
        options.onError?.(error)
        return false
      })
      if (!worked) await sleep(LOOK_EVERY_MS, undefined, { signal: closing.signal }).catch(() => {})
    }
  })()
  return {
    stop: async () => {
      closing.abort()
      await running
    },
  }
}

/** Takes the next work if there is one, and does it. Answers whether there was one. */
export async function workOnce(options: MerchantWorksOptions, closing: AbortSignal = new AbortController().signal): Promise<boolean> {
  const works = new MerchantWorks(options.directory)
  const held = await works.take()
  if (!held) return false
  const { onOutcome = () => {}, onStep = () => {} } = options
  let heldUntil = performance.now() + HELD_FOR_MS
  let lost: unknown
  const keep = async () => {
    const sentAt = performance.now()
    await works.keep(held)
    heldUntil = sentAt + HELD_FOR_MS
  }
  const renewing = setInterval(() => {
    keep().catch((error) => {
      if (error instanceof WorkLost) lost = error
    })
  }, RENEW_EVERY_MS)
  const session: Session = {
    held,
    keep,
    step: onStep,
    assertHeld: () => {
      if (closing.aborted) throw new Closing('the worker is being closed')
      if (lost || performance.now() > heldUntil) throw new WorkLost('The work could not be held.')
    },
  }
  try {
    const { kind, attempts } = held.work
    if (attempts > TURNS_MAX) throw new WorkImpossible(`It was begun ${TURNS_MAX} times and never came to an end: the workers died.`)
    await inUseCase(`work_${kind}`, () => PERFORM[kind](options, session))
    onOutcome({ work: held.work, outcome: 'done' })
  } catch (error) {
    if (error instanceof Closing) {
      await works.giveBack(held)
      onOutcome({ work: held.work, outcome: 'given back' })
    } else if (error instanceof WorkLost) {
      onOutcome({ work: held.work, outcome: 'retry', error })
    } else {
      const isFinal = error instanceof WorkImpossible || error instanceof ArchiveUnusable
      const outcome = await works.fail(held, { message: isFinal ? (error as Error).message : describe(error), isFinal })
      // The draft of an export, the copy between a shop and its sandbox: nobody asks for them any more, and no list has them.
      if (outcome === 'failed') await options.archives.remove(held.work.id)
      onOutcome({ work: held.work, outcome: outcome === 'lost' ? 'retry' : outcome, error })
    }
  } finally {
    clearInterval(renewing)
  }
  return true
}

/** What an admin is told of a failure that is not one of ours: no more than the kind of it. The log has the rest. */
function describe(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string }
  return code === undefined ? (message ?? 'something went wrong') : `the database or disk answered ${code}`
}
