import { Refusal } from '@souk/core/refusal.ts'
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { Neighbours } from './testing/neighbours.ts'
import type { Operation } from './testing/operations.ts'
import { BODIES } from './testing/valid-requests.ts'

// The generated test of wrong merchants, let loose on routes with a hole: each must be found.

const params = z.strictObject({ product_id: z.uuid() })
const anything = { 200: z.any(), 201: z.any() }
const replayed = new Map<string, string>()

let street: Neighbours

/** Titles of products past row security, as a careless query with too many rights would read them. */
async function titleOf(productId: string): Promise<string | undefined> {
  const [row] = await street.rows`select title from product where id = ${productId}`
  return row?.title
}

type Route = Pick<RouteOptions, 'method' | 'url' | 'handler'> & { schema?: object; config?: object }

const asked = (request: FastifyRequest) => titleOf((request.params as { product_id: string }).product_id)

const ROUTES: Route[] = [
  {
    method: 'GET',
    url: '/v1/holes/:product_id/shown',
    schema: { params },
    handler: async (request) => {
      const title = await asked(request)
      if (title === undefined) throw new Refusal('not_found')
      return { title }
    },
  },
  {
    method: 'GET',
    url: '/v1/holes/:product_id/forbidden',
    schema: { params },
    handler: async (request) => {
      throw new Refusal((await asked(request)) === undefined ? 'not_found' : 'insufficient_scope')
    },
  },
  {
    method: 'GET',
    url: '/v1/holes/:product_id/header',
    schema: { params },
    handler: async (request, reply) => {
      reply.header('x-title', (await asked(request)) ?? '')
      throw new Refusal('not_found')
    },
  },
  {
    method: 'DELETE',
    url: '/v1/holes/:product_id/deleted',
    schema: { params },
    handler: async (request) => {
      await street.rows`update product set vendor = 'taken' where id = ${(request.params as { product_id: string }).product_id}`
      throw new Refusal('not_found')
    },
  },
  {
    method: 'GET',
    url: '/v1/holes/everything',
    handler: async () => ({ data: await street.rows`select title from product` }),
  },
  {
    method: 'GET',
    url: '/v1/holes/cursor',
    schema: { querystring: z.strictObject({ cursor: z.string().optional(), limit: z.string().optional() }) },
    handler: async () => ({ data: [], next_cursor: 'anybodys' }),
  },
  {
    method: 'POST',
    url: '/v1/holes/kept',
    schema: { body: z.strictObject({}) },
    config: { idempotency: 'accepted' },
    handler: async (request, reply) => {
      const { key } = request.idempotency!
      const known = replayed.get(key)
      if (known !== undefined) reply.header('idempotent-replayed', 'true')
      const answer = known ?? JSON.stringify({ merchant: request.inMerchant.merchant.id, at: process.hrtime.bigint().toString() })
      replayed.set(key, answer)
      return reply.code(201).send(JSON.parse(answer))
    },
  },
  {
    method: 'GET',
    url: '/v1/holes/logged',
    handler: async (request) => {
      request.log.info({ title: street.other.canary })
      return {}
    },
  },
  {
    method: 'GET',
    url: '/v1/holes/:gadget_id/unknown',
    schema: { params: z.strictObject({ gadget_id: z.uuid() }) },
    handler: async () => ({}),
  },
  { method: 'POST', url: '/v1/holes/without-body', schema: { body: z.strictObject({}) }, handler: async () => ({}) },
  {
    method: 'POST',
    url: '/v1/holes/id-in-body',
    schema: { body: z.strictObject({ gift: z.strictObject({ variant_id: z.uuid() }) }) },
    handler: async () => ({}),
  },
]

/** Bodies that are known. */
const TAKEN = ['POST /v1/holes/kept', 'POST /v1/holes/id-in-body']

beforeAll(async () => {
  for (const key of TAKEN) BODIES[key] = () => ({})
  const extraRoutes = (app: FastifyInstance) => {
    for (const { schema, config, ...route } of ROUTES) {
      app.route({
        ...route,
        schema: { ...schema, response: anything },
        config: { gate: 'store', summary: 'A hole', ...config },
      } as RouteOptions)
    }
  }
  street = await Neighbours.moveIn({ extraRoutes })
})
afterAll(async () => {
  for (const key of TAKEN) delete BODIES[key]
  await street?.moveOut()
})

function hole(path: string): Operation {
  return street.operations.find((operation) => operation.path === `/v1/holes/${path}`)!
}

// The names of providers are the same everywhere.
const SAY_NOTHING = ['GET /v1/payment-providers']

describe('a hole is found where', () => {
  it("another's thing is shown", async () => {
    await expect(street.expectAsIfNotThere(hole('{product_id}/shown'))).rejects.toThrow(/betrays/)
  })

  it("another's thing is forbidden rather than not there", async () => {
    await expect(street.expectAsIfNotThere(hole('{product_id}/forbidden'))).rejects.toThrow(/with another's product_id/)
  })

  it("a header speaks of another's thing", async () => {
    await expect(street.expectAsIfNotThere(hole('{product_id}/header'))).rejects.toThrow(/betrays/)
  })

  it("another's thing is changed behind a refusal", async () => {
    const work = () => street.expectAsIfNotThere(hole('{product_id}/deleted'))
    await expect(street.expectUnchanged([street.other], work)).rejects.toThrow(/Rows have changed: .*taken/s)
  })

  it('a list is of everybody', async () => {
    await expect(street.expectCredentialsRefused(hole('everything'))).rejects.toThrow(/betrays/)
  })

  it('a cursor is taken that another was given', async () => {
    await expect(street.expectCursorRefused(hole('cursor'))).rejects.toThrow(/cursor: expected \[ 200, undefined \]/)
  })

  it("another's answer is replayed", async () => {
    await expect(street.expectOwnEffect(hole('kept'))).rejects.toThrow(/kept betrays/)
  })

  it('a door leads to another merchant', async () => {
    const { router } = street.api.shop
    const inMerchant = router.inMerchant.bind(router)
    router.inMerchant = () => inMerchant(street.other.merchant)
    try {
      const reading = street.merchantOperations.filter(({ method, path }) => method === 'GET' && !path.startsWith('/v1/holes/'))
      expect(reading.length).toBeGreaterThan(15)
      const silent: string[] = []
      for (const operation of reading) {
        const look = async () => {
          await street.expectCredentialsRefused(operation)
          await street.expectOwnRead(operation)
        }
        const found = await look().then(
          () => 'nothing',
          (error: Error) => error.message,
        )
        if (!/betrays|to include 200|to be 200/.test(found)) silent.push(operation.key)
      }
      expect(silent.sort()).toEqual(SAY_NOTHING)
    } finally {
      router.inMerchant = inMerchant
    }
  })

  it('the log tells', async () => {
    await street.ask(street.self.host, { method: 'GET', url: '/v1/holes/logged', headers: {} })
    expect((await street.logLines()).some((line) => line.includes(street.other.canary))).toBe(true)
  })
})

describe('a new operation says what is missing when', () => {
  it('nobody knows where its parameter comes from', async () => {
    await expect(street.expectAsIfNotThere(hole('{gadget_id}/unknown'))).rejects.toThrow(
      /say in twin-shops\.ts where a shop's gadget_id comes from/i,
    )
  })

  it('nobody knows a body that it takes', async () => {
    await expect(street.expectOwnEffect(hole('without-body'))).rejects.toThrow(/put a body that it takes into BODIES/)
  })

  it('its body takes an id that is not in the one we know', async () => {
    await expect(street.expectAsIfNotThere(hole('id-in-body'))).rejects.toThrow(/takes variant_id; put it into BODIES/)
  })
})
