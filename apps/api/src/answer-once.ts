import { once } from '@souk/core/idempotency/idempotency.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { sendStored } from './stored-answer.ts'

/**
 * Works in one transaction and answers what came of it; a request that comes again with its Idempotency-Key gets the same answer,
 * and nothing is done twice.
 */
export async function answerOnce<Answer extends object>(
  { inMerchant, idempotency }: Pick<FastifyRequest, 'inMerchant' | 'idempotency'>,
  reply: FastifyReply,
  statusCode: number,
  work: (tx: Tx) => Promise<Answer>,
): Promise<FastifyReply> {
  const answer = await inMerchant((tx) => once(tx, idempotency, async () => ({ statusCode, body: JSON.stringify(await work(tx)) })))
  return sendStored(reply, answer)
}
