import { openCursor, sealCursor, type TokenKeys } from '@souk/core/capability.ts'
import { once } from '@souk/core/idempotency/idempotency.ts'
import { assertCurrency } from '@souk/core/merchant/settings.ts'
import { createRate, deleteRate, updateRate } from '@souk/core/taxes/change-rates.ts'
import { importRates } from '@souk/core/taxes/import-rates.ts'
import { getRate, listRates } from '@souk/core/taxes/tax-rate.ts'
import { getTaxSettings, updateTaxSettings } from '@souk/core/taxes/tax-settings.ts'
import { tryTaxes } from '@souk/core/taxes/try-taxes.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { sendStored } from '../stored-answer.ts'
import { idSchema } from '../wire/id.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import {
  givenCountrySchema,
  newRateSchema,
  presentRate,
  presentRateImport,
  rateChangesSchema,
  rateFileSchema,
  rateImportSchema,
  readNewRate,
  readRateChanges,
  taxRateSchema,
  taxSettingsChangesSchema,
  taxSettingsWireSchema,
} from '../wire/tax.ts'
import { moneyIn, presentTaxTrial, readTaxTrial, taxedTrialSchema, taxTrialSchema } from '../wire/tax-trial.ts'

const params = z.strictObject({ rate_id: idSchema })

/** Taxes: rates and where they come from, settings, and what would be charged. */
export function staffTaxRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  rateRoutes(fastify, keys)
  rateChangeRoutes(fastify)
  settingsRoutes(fastify)
}

function rateRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/tax-rates',
    {
      config: { gate: 'staff', scopes: ['settings:read'], summary: 'List the tax rates; of one country if asked' },
      schema: {
        querystring: z.strictObject({ ...pageQuery, country: givenCountrySchema.min(1).optional() }),
        response: { 200: pageOf(taxRateSchema) },
      },
    },
    async ({ inMerchant, query: { limit, cursor, country } }) => {
      const scope = { merchantId: inMerchant.merchant.id, query: `tax-rates|${country ?? ''}` }
      const [after] = cursor === undefined ? [] : openCursor(keys, scope, cursor)
      const { rates, next } = await inMerchant.read((tx) => listRates(tx, { country }, { limit, after }))
      return { data: rates.map(presentRate), next_cursor: next && sealCursor(keys, scope, [next]) }
    },
  )

  app.post(
    '/v1/admin/tax-rates/imports',
    {
      config: { gate: 'staff', scopes: ['settings:write'], summary: 'Take over the tax rates of a file; a second time it writes nothing' },
      schema: { body: rateFileSchema, response: { 200: rateImportSchema } },
    },
    async ({ inMerchant, body: { reason, ...file }, principal: { actor }, now }) =>
      presentRateImport(await inMerchant((tx) => importRates(tx, file, { actor, now, reason }))),
  )

  app.get(
    '/v1/admin/tax-rates/:rate_id',
    {
      config: { gate: 'staff', scopes: ['settings:read'], summary: 'Read a tax rate' },
      schema: { params, response: { 200: taxRateSchema } },
    },
    async ({ inMerchant, params: { rate_id } }) => presentRate(await inMerchant.read((tx) => getRate(tx, rate_id))),
  )
}

function rateChangeRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/v1/admin/tax-rates',
    {
      config: { gate: 'staff', scopes: ['settings:write'], idempotency: 'accepted', summary: 'Make a tax rate' },
      schema: { body: newRateSchema, response: { 201: taxRateSchema } },
    },
    async ({ inMerchant, body, principal: { actor }, now, idempotency }, reply) => {
      const make = async (tx: Parameters<typeof createRate>[0]) =>
        JSON.stringify(presentRate(await createRate(tx, readNewRate(body), { actor, now, reason: body.reason })))
      const answer = await inMerchant((tx) => once(tx, idempotency, async () => ({ statusCode: 201, body: await make(tx) })))
      return sendStored(reply, answer)
    },
  )

  app.patch(
    '/v1/admin/tax-rates/:rate_id',
    {
      config: { gate: 'staff', scopes: ['settings:write'], summary: 'Change a tax rate' },
      schema: { params, body: rateChangesSchema, response: { 200: taxRateSchema } },
    },
    async ({ inMerchant, params: { rate_id }, body, principal: { actor }, now }) =>
      presentRate(await inMerchant((tx) => updateRate(tx, rate_id, readRateChanges(body), { actor, now, reason: body.reason }))),
  )

  app.delete(
    '/v1/admin/tax-rates/:rate_id',
    {
      config: { gate: 'staff', scopes: ['settings:write'], summary: 'Delete a tax rate' },
      schema: { params, response: { 204: z.null() } },
    },
    async ({ inMerchant, params: { rate_id }, principal: { actor }, now }, reply) => {
      await inMerchant((tx) => deleteRate(tx, rate_id, { actor, now }))
      return reply.code(204).send(null)
    },
  )
}

function settingsRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/tax-settings',
    {
      config: { gate: 'staff', scopes: ['settings:read'], summary: 'Read how taxes are applied' },
      schema: { response: { 200: taxSettingsWireSchema } },
    },
    async ({ inMerchant }) => inMerchant.read(getTaxSettings),
  )

  app.patch(
    '/v1/admin/tax-settings',
    {
      config: { gate: 'staff', scopes: ['settings:write'], summary: 'Change how taxes are applied; lists are replaced whole' },
      schema: { body: taxSettingsChangesSchema, response: { 200: taxSettingsWireSchema } },
    },
    async ({ inMerchant, body: { reason, ...changes }, principal: { actor }, now }) =>
      inMerchant((tx) => updateTaxSettings(tx, changes, { actor, now, reason })),
  )

  app.post(
    '/v1/admin/taxes/resolve',
    {
      config: { gate: 'staff', scopes: ['settings:read'], summary: 'Try: what tax would be charged, and why' },
      schema: { body: taxTrialSchema, response: { 200: taxedTrialSchema } },
    },
    async ({ inMerchant, body, now }) => {
      const trial = await inMerchant.read(async (tx) => {
        await assertCurrency(tx, moneyIn(body))
        return tryTaxes(tx, readTaxTrial(body, now))
      })
      return presentTaxTrial(trial, body)
    },
  )
}
