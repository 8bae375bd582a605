import type { TokenKeys } from '@souk/core/capability.ts'
import { trialBalance } from '@souk/core/ledger/trial-balance.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { entrySchema, presentTrialBalance, trialBalanceSchema } from '../wire/ledger.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { currencySchema } from '../wire/text.ts'
import { givenTimeSchema } from '../wire/time.ts'
import { statementPage } from './ledger-page.ts'

const entriesQuery = z.strictObject({
  ...pageQuery,
  account: z.string().regex(/^[a-z_]{1,40}(:[0-9a-z_-]{1,40})?$/),
  currency: currencySchema,
})

/** The merchant's books, to look into. They are written by what happens. */
export function staffLedgerRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/ledger/trial-balance',
    {
      config: { gate: 'staff', scopes: ['ledger:read'], summary: 'What is in every account; by currency it comes to nothing' },
      schema: {
        querystring: z.strictObject({
          until: givenTimeSchema.optional().meta({ description: 'Of what happened before; of everything if left out.' }),
        }),
        response: { 200: trialBalanceSchema },
      },
    },
    async ({ inMerchant, query: { until } }) =>
      presentTrialBalance(await inMerchant.readStale((tx) => trialBalance(tx, until === undefined ? null : new Date(until)))),
  )

  app.get(
    '/v1/admin/ledger/entries',
    {
      config: { gate: 'staff', scopes: ['ledger:read'], summary: 'The entries of an account, the newest first' },
      schema: { querystring: entriesQuery, response: { 200: pageOf(entrySchema) } },
    },
    async ({ inMerchant, query: { account, currency, ...page } }) => statementPage(inMerchant, keys, { code: account, currency }, page),
  )
}
