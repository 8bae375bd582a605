import { createServer } from 'node:net'
import { Explained } from './explained.ts'

export interface Ports {
  /** Where the shops are. */
  api: number
  /** Metrics and health, on 127.0.0.1 only. */
  apiInternal: number
  workerInternal: number
  /** The sandbox payment provider, on 127.0.0.1 only. */
  paymentProvider: number
}

const DEFAULT_PORT = 4000

/** The port that PORT names, or 4000, and three more near it. Refuses a port that is in use. */
export async function choosePorts(wanted = process.env.PORT): Promise<Ports> {
  const api = readPort(wanted)
  const refusal = await whyNot(api)
  if (refusal === 'EADDRINUSE') {
    throw new Explained(
      `Port ${api} is in use by another program. Choose another one: PORT=${api < 65_000 ? api + 1 : DEFAULT_PORT} npm start`,
    )
  }
  if (refusal !== undefined) {
    throw new Explained(`Port ${api} may not be opened (${refusal}). Choose one above 1023: PORT=${DEFAULT_PORT} npm start`)
  }
  const apiInternal = await freePort([api])
  const workerInternal = await freePort([api, apiInternal])
  return { api, apiInternal, workerInternal, paymentProvider: await freePort([api, apiInternal, workerInternal]) }
}

export function readPort(wanted: string | undefined): number {
  if (wanted === undefined || wanted === '') return DEFAULT_PORT
  const port = Number(wanted)
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Explained(`PORT is "${wanted}"; it has to be a number from 1 to 65535.`)
  return port
}

/** The next free port above the highest one that is taken already. */
async function freePort(taken: number[]): Promise<number> {
  for (let port = Math.max(...taken) + 1; port <= 65_535; port++) {
    if ((await whyNot(port)) === undefined) return port
  }
  throw new Explained('No free port above the chosen one for metrics and the payment provider. Choose a lower one: PORT=4000 npm start')
}

function whyNot(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen(port, process.env.HOST || '127.0.0.1', () => server.close(() => resolve(undefined)))
  })
}
