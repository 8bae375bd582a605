/** A failure whose message is all that the reader needs: what is wrong, and the way out. Printed without a stack. */
export class Explained extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'Explained'
  }
}
