import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { CannotStart } from './cannot-start.ts'

export class PortTaken extends CannotStart {
  readonly port: number

  constructor(port: number) {
    super(
      `Port ${port} is in use by another program, so PostgreSQL cannot listen there. Choose another port, or none to have a free one picked.`,
    )
    this.name = 'PortTaken'
    this.port = port
  }
}

/** Whether a server could listen at 127.0.0.1 on this port now. */
export async function isFree(port: number): Promise<boolean> {
  return (await listenOnce(port)) !== undefined
}

/** The port that this data folder was last served on, if it is free, or else any free one. */
export async function pickPort(dataDir: string): Promise<number> {
  const remembered = existsSync(portFile(dataDir)) ? Number(readFileSync(portFile(dataDir), 'utf8')) : 0
  const port = (remembered > 0 && remembered < 65536 ? await listenOnce(remembered) : undefined) ?? (await listenOnce(0))
  if (port === undefined) throw new CannotStart('No free port at 127.0.0.1.')
  return port
}

export function rememberPort(dataDir: string, port: number): void {
  writeFileSync(portFile(dataDir), `${port}\n`)
}

function portFile(dataDir: string): string {
  return `${dataDir}.port`
}

function listenOnce(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(undefined)
      else reject(error)
    })
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined))
    })
  })
}
