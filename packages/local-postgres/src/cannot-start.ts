/** A refusal whose message says all that its reader needs: what is wrong, and the way out. */
export class CannotStart extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'CannotStart'
  }
}
