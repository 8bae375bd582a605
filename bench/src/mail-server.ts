import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

type Manner = 'quick' | 'slow' | 'refusing' | 'hanging'

const SLOW_MS = 2_000

/** As much of a mail server as a worker talks to, in the manner it is told: `refusing` hangs up at once, `hanging` never says a word. */
export class MailServer {
  manner: Manner = 'quick'
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor() {
    this.#server = createServer((socket) => this.#greet(socket))
  }

  static async listen(): Promise<MailServer> {
    const mails = new MailServer()
    await new Promise<void>((resolve) => mails.#server.listen(0, '127.0.0.1', resolve))
    return mails
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.#server.address() as { port: number }).port}`
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #greet(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {})
    if (this.manner === 'refusing') return void socket.destroy()
    if (this.manner === 'hanging') return
    socket.write('220 bench\r\n')
    let text = ''
    let isMail = false
    socket.on('data', (piece: Buffer) => {
      text += piece.toString('latin1')
      for (;;) {
        const end = isMail ? '\r\n.\r\n' : '\r\n'
        const at = text.indexOf(end)
        if (at < 0) return
        const line = text.slice(0, at)
        text = text.slice(at + end.length)
        const wasMail = isMail
        isMail = !wasMail && /^DATA/i.test(line)
        void this.#answer(socket, wasMail, isMail, /^QUIT/i.test(line))
      }
    })
  }

  async #answer(socket: Socket, wasMail: boolean, isMail: boolean, isLast: boolean): Promise<void> {
    if (this.manner === 'refusing') return void socket.destroy()
    if (this.manner === 'hanging') return
    if (wasMail && this.manner === 'slow') await sleep(SLOW_MS)
    if (!socket.writable) return
    if (isLast) socket.end('221 bye\r\n')
    else socket.write(isMail ? '354 go on\r\n' : '250 ok\r\n')
  }
}
