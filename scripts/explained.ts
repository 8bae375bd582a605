import { CannotStart } from '@souk/local-postgres/cannot-start.ts'

/** A failure whose message is all that the reader needs: what is wrong, and the way out. Printed without a stack. */
export class Explained extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'Explained'
  }
}

/** The message alone for a failure that was foreseen, everything for one that was not. */
export function describeFailure(error: unknown): string {
  if (error instanceof Explained || error instanceof CannotStart) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
