import { z } from 'zod'
import { apiBaseFault } from './api-bases.ts'

const API_BASES_MAX = 10

const apiBase = z.string().superRefine((address, context) => {
  const fault = apiBaseFault(address)
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
})
const apiBases = z.array(apiBase).min(1).max(API_BASES_MAX)

const settings = z.strictObject({
  stripe: z.strictObject({ api_bases: apiBases.default(['https://api.stripe.com']) }).optional(),
  /** It moves no money: for demos and tests, and it is there only when it is named. */
  sandbox: z.strictObject({ api_bases: apiBases }).optional(),
})

export type ProviderSettings = z.output<typeof settings>

/** Which providers may be called, and where: what SOUK_PAYMENT_PROVIDERS holds, as JSON. Without it: Stripe at its own address. */
export const providerSettings = z
  .string()
  .default('{"stripe":{}}')
  .transform((text, context) => {
    try {
      return JSON.parse(text) as unknown
    } catch {
      context.addIssue({ code: 'custom', message: 'must be JSON' })
      return z.NEVER
    }
  })
  .pipe(settings)
