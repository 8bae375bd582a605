import { DECLINES, type DeclineCode } from './card-tokens.ts'

/** A request that is answered with an error and has changed nothing. */
export class BadRequest extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** The answer to an operation that will never be done. It is kept under the key like any other answer. */
export interface Refused {
  code: string
  message: string
}

export function declineMessage(code: string): string {
  return DECLINES[code as DeclineCode] ?? code
}
