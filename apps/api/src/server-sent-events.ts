import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import type { EventSubscription } from './event-feeds.ts'

export const STREAM_SECONDS_MAX = 3_600
export const HEARTBEAT_MS = 15_000

const RETRY_MS = 2_000
/** A client that has not taken what was sent for so long is hung up on. */
export const PATIENCE = { slowAfterMs: 30_000, checkedEveryMs: 5_000 }
const BUFFERED_BYTES_MAX = 256 * 1024

/** For how long a stream is open before the client has to come again. 0: what there is now. */
export const streamQuery = {
  for_seconds: z
    .string()
    .regex(/^\d{1,4}$/)
    .transform(Number)
    .pipe(z.number().max(STREAM_SECONDS_MAX))
    .meta({ description: 'The stream ends after so long, and the client comes again. 0: what there is now, and no more.' }),
}

/** What routes of streams answer with, beside their schema's parameters. Only the deadline of handlers is longer than elsewhere. */
export const STREAM_ROUTE = {
  handlerTimeout: (STREAM_SECONDS_MAX + 60) * 1_000,
  response: { 200: z.any().meta({ description: 'Server-sent events: text/event-stream' }) },
} as const

/** One event of a stream. */
export function sse(event: { id?: string; name?: string; data: unknown }): string {
  const id = event.id === undefined ? '' : `id: ${event.id}\n`
  const name = event.name === undefined ? '' : `event: ${event.name}\n`
  return `${id}${name}data: ${JSON.stringify(event.data)}\n\n`
}

/** Nothing happened: proxies and clients see that the stream lives. */
export const HEARTBEAT = ': \n\n'

/** Sends what `chunks` yields, until it ends, the client goes, or takes too long to take it. The subscription ends with it. */
export function sendStream(
  reply: FastifyReply,
  subscription: Pick<EventSubscription, 'close'>,
  chunks: AsyncGenerator<string>,
  { slowAfterMs, checkedEveryMs } = PATIENCE,
): FastifyReply {
  let waitingSince: number | undefined
  const watched = async function* () {
    yield `retry: ${RETRY_MS}\n\n`
    for await (const chunk of chunks) {
      waitingSince = performance.now()
      yield chunk
      waitingSince = undefined
    }
  }
  const stream = Readable.from(watched(), { objectMode: false, highWaterMark: BUFFERED_BYTES_MAX })
  const watch = setInterval(() => {
    if (waitingSince !== undefined && performance.now() - waitingSince > slowAfterMs) stream.destroy()
  }, checkedEveryMs)
  stream.on('close', () => {
    clearInterval(watch)
    subscription.close()
  })
  return reply.type('text/event-stream; charset=utf-8').header('cache-control', 'no-store').header('x-accel-buffering', 'no').send(stream)
}
