/** Nobody answers at the mail server, which says nothing about the mail. */
export class MailServerSilent extends Error {}

/** So many mails one after the other to whom nobody answered: then the server is away. */
const SILENT_MAX = 3
/** So long nobody asks again. Then one mail does. */
export const AWAY_MS = 15_000

/**
 * Stands before the one mail server that all merchants' mails go through. While it does not answer, each mail would wait for it as long as it
 * may, in a place that other jobs need: now they fail at once, to be tried again later, and one of them looks whether it is back.
 */
export class MailCircuit {
  readonly #clock: () => number
  #silent = 0
  #askedAgainAt = 0

  /** The clock says milliseconds that only go on. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock
  }

  async through<T>(ask: () => Promise<T>): Promise<T> {
    if (this.#silent >= SILENT_MAX) {
      if (this.#clock() < this.#askedAgainAt) throw new MailServerSilent('the mail was not taken: the mail server is away')
      // Nobody else for as long as this one may wait.
      this.#askedAgainAt = Number.POSITIVE_INFINITY
    }
    try {
      const answer = await ask()
      this.#silent = 0
      return answer
    } catch (error) {
      this.#silent = error instanceof MailServerSilent ? this.#silent + 1 : 0
      this.#askedAgainAt = this.#clock() + AWAY_MS
      throw error
    }
  }
}
