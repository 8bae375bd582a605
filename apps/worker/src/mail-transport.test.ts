import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MailRefused, type OutgoingMail } from '@souk/core/mail/send-mail.ts'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { mailTransport } from './mail-transport.ts'

const folder = mkdtempSync(join(tmpdir(), 'souk-mail-'))
const settings = { folder: undefined, smtpUrl: undefined, from: 'no-reply@souk.example', storefrontUrl: 'https://{slug}.souk.example' }
const mail: OutgoingMail = {
  messageId: '0190aaaa-0000-7000-8000-000000000001',
  sender: 'Tea "and" Cups, Bröd',
  replyTo: 'hello@shop.example',
  to: 'ada@buyer.example',
  subject: 'Your order 7: süß',
  text: 'Thank you.\n.\nA line that is a dot.\n',
  html: '<p>Thank you.</p>',
}

afterAll(() => rmSync(folder, { recursive: true }))

/** As much of a mail server as one needs: it says what it was told to at each step, and keeps what it was sent. */
class MailServer {
  readonly received: { from: string; to: string; data: string }[] = []
  answers: { rcpt?: string; data?: string; hello?: string } = {}
  #server: Server
  readonly #sockets = new Set<import('node:net').Socket>()

  constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      const say = (line: string) => socket.write(`${line}\r\n`)
      let [from, to, data, isData, rest] = ['', '', '', false, '']
      socket.on('error', () => {})
      say(this.answers.hello ?? '220 test')
      socket.on('data', (chunk) => {
        const lines = (rest + chunk.toString()).split('\r\n')
        rest = lines.pop()!
        for (const line of lines) {
          if (isData) {
            if (line !== '.') data += `${line}\n`
            else {
              isData = false
              const answer = this.answers.data ?? '250 taken'
              if (answer.startsWith('2')) this.received.push({ from, to, data })
              data = ''
              say(answer)
            }
          } else if (/^EHLO|^HELO/.test(line)) say('250 test')
          else if (line.startsWith('MAIL')) {
            from = line
            say('250 ok')
          } else if (line.startsWith('RCPT')) {
            to = line
            say(this.answers.rcpt ?? '250 ok')
          } else if (line === 'DATA') {
            isData = true
            say('354 go on')
          } else say('250 ok')
        }
      })
    })
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `smtp://127.0.0.1:${(this.#server.address() as { port: number }).port}`
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }
}

describe('by SMTP', () => {
  const server = new MailServer()
  let transport: ReturnType<typeof mailTransport>
  beforeAll(async () => {
    transport = mailTransport({ mail: { ...settings, smtpUrl: await server.listen() } })
  })
  afterEach(() => {
    server.answers = {}
    server.received.length = 0
  })
  afterAll(() => {
    transport.close()
    server.close()
  })

  test('a mail comes with its name, its words and the address for answers', async () => {
    await transport.deliver(mail)
    const [received] = server.received
    expect(received).toMatchObject({
      from: expect.stringContaining('<no-reply@souk.example>'),
      to: expect.stringContaining('<ada@buyer.example>'),
    })
    expect(received!.data).toMatch(/^Message-ID: <0190aaaa-0000-7000-8000-000000000001@souk\.example>$/im)
    expect(received!.data).toMatch(/^Reply-To: .*<hello@shop\.example>$/m)
    expect(received!.data).toMatch(/^Auto-Submitted: auto-generated$/m)
    expect(received!.data).toContain('multipart/alternative')
  })

  test.each([
    ['an unknown receiver', { rcpt: '550 5.1.1 <ada@buyer.example> unknown' }],
    ['a mail that it will never take', { data: '554 5.7.1 no' }],
  ])('%s is a refusal, told without the address', async (_name, answers) => {
    server.answers = answers
    const failure = await transport.deliver(mail).catch((error) => error)
    expect(failure).toBeInstanceOf(MailRefused)
    expect(String(failure)).not.toContain('ada@')
  })

  test.each([
    ['a full mailbox', { rcpt: '452 4.2.2 <ada@buyer.example> is full' }],
    ['a server that is busy', { data: '451 4.3.0 later' }],
  ])('%s is worth another attempt, told without the address', async (_name, answers) => {
    server.answers = answers
    const failure = await transport.deliver(mail).catch((error) => error)
    expect(failure).toBeInstanceOf(Error)
    expect(failure).not.toBeInstanceOf(MailRefused)
    expect(String(failure)).not.toContain('ada@')
  })

  test('a server that is not there is worth another attempt', async () => {
    const gone = mailTransport({ mail: { ...settings, smtpUrl: 'smtp://127.0.0.1:1' } })
    const failure = await gone.deliver(mail).catch((error) => error)
    expect([failure instanceof Error, failure instanceof MailRefused]).toEqual([true, false])
    gone.close()
  })

  test('mails that a server says no to, or that cannot be sent to anybody, do not keep others from going', async () => {
    server.answers = { rcpt: '452 4.2.2 full' }
    for (let n = 0; n < 5; n++) await transport.deliver(mail).catch(() => {})
    server.answers = {}
    for (let n = 0; n < 5; n++) await transport.deliver({ ...mail, to: '' }).catch(() => {})
    await transport.deliver(mail)
    expect(server.received).toHaveLength(1)
  })

  test('a server that nobody reaches is not asked for each mail', async () => {
    const server = new MailServer()
    const smtpUrl = await server.listen()
    server.close()
    const gone = mailTransport({ mail: { ...settings, smtpUrl } })
    const failures: string[] = []
    for (let n = 0; n < 4; n++) failures.push(String(await gone.deliver(mail).catch((error) => error)))
    expect(failures.slice(0, 3).every((failure) => failure.includes('ECONNREFUSED') || failure.includes('ESOCKET'))).toBe(true)
    expect(failures[3]).toContain('away')
    gone.close()
  })

  test('nobody else is written to, whatever a name says', async () => {
    await transport.deliver({ ...mail, sender: 'Shop\r\nBcc: eve@x.example', subject: 'a\r\nBcc: eve@x.example' })
    expect(server.received).toHaveLength(1)
    expect(server.received[0]!.data).not.toMatch(/^Bcc:/m)
  })
})

test('in a folder a mail is one file, however often it is sent', async () => {
  const transport = mailTransport({ mail: { ...settings, folder: join(folder, 'mails') } })
  await transport.deliver(mail)
  await transport.deliver(mail)
  const files = readdirSync(join(folder, 'mails'))
  expect(files).toEqual([`${mail.messageId}.eml`])
  expect(readFileSync(join(folder, 'mails', files[0]!), 'utf8')).toMatch(/^To: ada@buyer\.example$/m)
})

test('without either no mail goes, and it is said to be refused', async () => {
  await expect(mailTransport({ mail: settings }).deliver(mail)).rejects.toBeInstanceOf(MailRefused)
})
