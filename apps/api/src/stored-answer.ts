import { capabilityToken, type TokenKeys } from '@souk/core/capability.ts'
import type { StoredResponse } from '@souk/core/idempotency/idempotency.ts'
import type { FastifyReply } from 'fastify'

/** Sends an answer that was written down in the transaction it speaks of; a replay says that it is one. */
export function sendStored(reply: FastifyReply, answer: StoredResponse & { replayed: boolean }): FastifyReply {
  if (answer.replayed) reply.header('idempotent-replayed', 'true')
  return reply.code(answer.statusCode).header('content-type', 'application/json; charset=utf-8').send(answer.body)
}

/**
 * Adds the token that opens the cart or order of an answer, on its way out: it is made from the id each time, so that a
 * replay has the same one, and the answer that is kept holds no secret.
 */
export function withToken<Answer extends StoredResponse>(
  answer: Answer,
  keys: TokenKeys,
  merchantId: string,
  kind: 'cart' | 'order',
): Answer {
  const { id } = JSON.parse(answer.body) as { id: string }
  const token = capabilityToken(keys, merchantId, kind, id)
  return { ...answer, body: `${answer.body.slice(0, -1)},"token":${JSON.stringify(token)}}` }
}
