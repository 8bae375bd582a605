import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface DeafAt {
  /** The database's, by way of the proxy. */
  address: string
  deaf(): boolean
  close(): void
}

/** Lets everything through to a database until it is asked for `word`, and on that connection nothing from then on: no answer, and no end. */
export async function openDeafAt(word: string, address: string): Promise<DeafAt> {
  const database = new URL(address)
  const at = { host: database.hostname, port: Number(database.port) }
  const sockets = new Set<Socket>()
  let deaf = false
  const proxy = createServer((client) => {
    const server = connect(at)
    for (const socket of [client, server]) sockets.add(socket.on('error', () => {}))
    let open = true
    client.on('data', (data) => {
      if (data.includes(word)) {
        open = false
        deaf = true
      }
      if (open) server.write(data)
    })
    server.on('data', (data) => client.write(data))
    client.on('close', () => server.destroy())
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  database.port = String((proxy.address() as { port: number }).port)
  const close = () => {
    for (const socket of sockets) socket.destroy()
    proxy.close()
  }
  return { address: database.toString(), deaf: () => deaf, close }
}
