import { get } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { Explained } from './explained.ts'
import type { Ports } from './ports.ts'

// A deadline against hanging: a busy machine takes its time to read the API's routes.
const READY_TIMEOUT_MS = 120_000
const POLL_MS = 50

/** Until API, worker and payment provider say that they are ready. Rejects when it is time to stop, or when it takes too long. */
export async function waitUntilReady(ports: Ports, stopping: AbortSignal): Promise<void> {
  await Promise.all([
    answersReady(ports.api, 'API', stopping),
    answersReady(ports.workerInternal, 'worker', stopping),
    answersReady(ports.paymentProvider, 'payment provider', stopping),
  ])
}

async function answersReady(port: number, name: string, stopping: AbortSignal): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS
  while ((await statusOf(port)) !== 200) {
    stopping.throwIfAborted()
    if (Date.now() > deadline) throw new Explained(`The ${name} was not ready within ${READY_TIMEOUT_MS / 1000} s. See .souk/logs.`)
    await pause(POLL_MS)
  }
}

function statusOf(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path: '/readyz', timeout: 2_000 }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    request.once('timeout', () => request.destroy())
    request.once('error', () => resolve(undefined))
  })
}
