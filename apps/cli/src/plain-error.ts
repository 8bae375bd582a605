/** Something an admin can act on: printed as it is, without a stack. `usage` is for a command that was written wrongly. */
export class PlainError extends Error {
  readonly exitCode: 1 | 2
  /** What the platform answered, for programs. */
  readonly problem: Record<string, unknown> | undefined

  constructor(message: string, kind: 'failure' | 'usage' = 'failure', problem?: Record<string, unknown>) {
    super(message)
    this.problem = problem
    this.name = 'PlainError'
    this.exitCode = kind === 'usage' ? 2 : 1
  }
}
