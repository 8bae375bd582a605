import { PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN } from '@souk/core/merchant/passwords.ts'
import { z } from 'zod'
import { ATTEMPTS_PER_ACCOUNT, ATTEMPTS_PER_ADDRESS, AttemptLimits } from '../attempt-limits.ts'
import { emailSchema, proseSchema } from '../wire/text.ts'

const PASSWORD_BYTES_MAX = 4 * PASSWORD_LENGTH_MAX

/** What somebody signs in with. A password that nobody can have is checked like any other. */
export const signInBody = z.strictObject({ email: emailSchema, password: proseSchema(PASSWORD_BYTES_MAX) })

export const newPassword = proseSchema(PASSWORD_BYTES_MAX).min(PASSWORD_LENGTH_MIN).max(PASSWORD_LENGTH_MAX, 'text_too_long')

export const accessToken = z
  .object({ access_token: z.string(), token_type: z.literal('Bearer'), expires_in: z.int().meta({ description: 'Seconds' }) })
  .meta({ id: 'AccessToken' })

/** Bounds the guesses at an account and from an address. An attempt that succeeds was no guess. */
export class SignInLimits {
  readonly #accounts = new AttemptLimits(ATTEMPTS_PER_ACCOUNT)
  readonly #addresses = new AttemptLimits(ATTEMPTS_PER_ADDRESS)

  async attempt<T>(who: { account: string; address: string; now: Date }, signIn: () => Promise<T>): Promise<T> {
    this.#addresses.take(who.address, who.now)
    this.#accounts.take(who.account, who.now)
    const account = await signIn()
    this.#addresses.giveBack(who.address, who.now)
    this.#accounts.giveBack(who.account, who.now)
    return account
  }
}
