import { isArmed } from '@souk/tenant-router/crash-point.ts'
import { inUseCase } from '@souk/tenant-router/use-case.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { operationId } from './openapi.ts'

/**
 * Has requests known by the id of their operation, where this process is to be killed at one of its commits; elsewhere nothing is
 * added to a request's way. Said again once the body is there: it comes by way of the socket, which belongs to no request.
 */
export function nameUseCases(app: FastifyInstance): void {
  if (!isArmed()) return
  app.addHook('onRequest', goOnNamed)
  app.addHook('preValidation', goOnNamed)
  app.addHook('preHandler', goOnNamed)
}

function goOnNamed({ method, routeOptions }: FastifyRequest, _reply: FastifyReply, done: () => void): void {
  inUseCase(operationId({ method, url: routeOptions.url ?? '' }), done)
}
