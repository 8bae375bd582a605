import { AsyncLocalStorage } from 'node:async_hooks'
import { type CrashPoint, crashPoint, isArmed } from './crash-point.ts'

const running = new AsyncLocalStorage<string>()
const NAMELESS = 'elsewhere'

/** Whom somebody outside is, that a use case calls with nothing open. */
export type Outsider = 'provider' | 'plugin' | 'carrier' | 'receiver' | 'mail' | 'resolver' | 'statement' | 'disk'

/**
 * Work that is known by a name: the operation of a request, the task of a job. By it the crash points around each of its commits and
 * outside calls are named. Where nobody is to be killed this is a plain call.
 */
export function inUseCase<Result>(name: string, work: () => Result): Result {
  return isArmed() ? running.run(name, work) : work()
}

/** Passes the crash points around a commit: before it is sent, and after it was acknowledged. */
export async function committing<Result>(commit: () => Promise<Result>): Promise<Result> {
  if (!isArmed()) return commit()
  const name = currentUseCase()
  crashPoint(`${name}.committing`)
  const result = await commit()
  crashPoint(`${name}.committed`)
  return result
}

/** Passes the crash points around a call of somebody outside. */
export async function callingOut<Result>(whom: Outsider, call: () => Promise<Result>): Promise<Result> {
  if (!isArmed()) return call()
  const name = currentUseCase()
  crashPoint(`${name}.calling_${whom}`)
  const result = await call()
  crashPoint(`${name}.called_${whom}`)
  return result
}

export function currentUseCase(): string {
  return running.getStore() ?? NAMELESS
}

/** The crash points around the commits of a use case. */
export function commitPointsOf(name: string): [CrashPoint, CrashPoint] {
  return [`${name}.committing`, `${name}.committed`]
}
