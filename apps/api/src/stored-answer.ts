import { capabilityToken, type TokenKeys } from '@souk/core/capability.ts'
import type { StoredResponse } from '@souk/core/idempotency/idempotency.ts'
import type { FastifyReply } from 'fastify'

/** Sends an answer that was written down in the transaction it speaks of; a replay says that it is one. */
export function sendStored(reply: FastifyReply, answer: StoredResponse & { replayed: boolean }): FastifyReply {
  if (answer.replayed) reply.header('idempotent-replayed', 'true')
  reply.code(answer.statusCode)
  // As bytes: to text the type would be given a character set.
  if (answer.statusCode >= 400) return reply.header('content-type', 'application/problem+json').send(Buffer.from(answer.body))
  return reply.header('content-type', 'application/json; charset=utf-8').send(answer.body)
}

/**
 * Adds the token that opens the cart or order of an answer, on its way out: it is made from the id each time, so that a
 * replay has the same one, and the answer that is kept holds no secret. A problem that speaks of an order has it too.
 */
export function withToken<Answer extends StoredResponse>(
  answer: Answer,
  keys: TokenKeys,
  merchantId: string,
  kind: 'cart' | 'order',
): Answer {
  const body = JSON.parse(answer.body) as { id: string } | { order: { id: string } }
  const { id } = 'order' in body ? body.order : body
  const token = capabilityToken(keys, merchantId, kind, id)
  return { ...answer, body: `${answer.body.slice(0, -1)},"token":${JSON.stringify(token)}}` }
}
