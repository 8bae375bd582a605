import type { StoredResponse } from '@souk/core/idempotency/idempotency.ts'
import type { FastifyReply } from 'fastify'

/** Sends an answer that was written down in the transaction it speaks of; a replay says that it is one. */
export function sendStored(reply: FastifyReply, answer: StoredResponse & { replayed: boolean }): FastifyReply {
  if (answer.replayed) reply.header('idempotent-replayed', 'true')
  return reply.code(answer.statusCode).header('content-type', 'application/json; charset=utf-8').send(answer.body)
}
