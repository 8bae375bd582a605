import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { Problem } from '../errors.ts'
import type { Deps } from '../server.ts'

const NOBODY = '00000000-0000-0000-0000-000000000000'
const READY_TIMEOUT_MS = 1_000

const state = z.object({ status: z.literal('ok') })

/** Health, readiness and the API's description: at any host, for anybody. */
export function processRoutes(fastify: FastifyInstance, { router, isReady = () => true }: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  app.get('/healthz', { config: { gate: 'public', summary: 'The process is alive' }, schema: { response: { 200: state } } }, () => ({
    status: 'ok' as const,
  }))

  app.get('/readyz', { config: { gate: 'public', summary: 'The process can serve' }, schema: { response: { 200: state } } }, async () => {
    if (!isReady() || !(await directoryAnswers(() => router.directory.refresh(NOBODY)))) throw new Problem('platform_unavailable')
    return { status: 'ok' as const }
  })

  app.get(
    '/openapi.json',
    { config: { gate: 'public', summary: 'This description' }, schema: { response: { 200: z.looseObject({}) } } },
    // Written by hand: the document has no schema of its own.
    (_request, reply) =>
      reply
        .serializer(JSON.stringify)
        .type('application/json; charset=utf-8')
        .send(fastify.swagger() as never) as never,
  )
}

async function directoryAnswers(ask: () => Promise<unknown>): Promise<boolean> {
  const late = new Promise<false>((resolve) => setTimeout(resolve, READY_TIMEOUT_MS, false).unref())
  return Promise.race([
    ask().then(
      () => true,
      () => false,
    ),
    late,
  ])
}
