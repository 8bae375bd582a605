import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MAIL_DELIVERY_TIMEOUT_MS } from '@souk/core/mail/limits.ts'
import { type MailDeps, MailRefused, type MailTransport, type OutgoingMail } from '@souk/core/mail/send-mail.ts'
import { mailLoaders } from '@souk/core/notifications/mail-loaders.ts'
import { createTransport } from 'nodemailer'
import type { WorkerConfig } from './config.ts'
import type { Log } from './log.ts'
import { MailCircuit, MailServerSilent } from './mail-circuit.ts'

const CONNECTIONS_MAX = 4
/** Replies that are for good (RFC 5321, section 4.2.1), in answer to what concerns this one mail. */
const REFUSED_COMMANDS = ['MAIL FROM', 'RCPT TO', 'DATA']

/** The mailer's words for a server that was not reached or does not speak. */
const SILENT_CODES = ['ECONNECTION', 'ECONNREFUSED', 'ECONNRESET', 'EDNS', 'ESOCKET', 'ETIMEDOUT']

/** What the worker's mail tasks need. */
export function startMail(config: Pick<WorkerConfig, 'mail' | 'tokenKeys'>, log: Log): { deps: MailDeps; close(): void } {
  const transport = mailTransport(config)
  if (transport.kind === 'folder') log.info({}, 'no mail server is configured: mails are written to a folder')
  if (transport.kind === 'none') log.warn({}, 'no mail server is configured: no mail is sent')
  return {
    deps: {
      transport,
      loaders: mailLoaders({ keys: config.tokenKeys }),
      storefrontUrl: (slug) => config.mail.storefrontUrl.replace('{slug}', slug),
      now: () => new Date(),
    },
    close: () => transport.close(),
  }
}

/** How this worker's mails leave: by SMTP; without a server into a folder, as files; without that not at all. */
export function mailTransport({ mail }: Pick<WorkerConfig, 'mail'>): MailTransport & { kind: 'smtp' | 'folder' | 'none'; close(): void } {
  if (mail.smtpUrl !== undefined) return smtpTransport(mail.smtpUrl, mail.from)
  if (mail.folder !== undefined) return folderTransport(mail.folder, mail.from)
  return {
    kind: 'none',
    deliver: async () => {
      throw new MailRefused('no mail server is configured')
    },
    close: () => {},
  }
}

function smtpTransport(url: string, from: string) {
  const transport = createTransport({
    ...connectionOf(url),
    pool: true,
    maxConnections: CONNECTIONS_MAX,
    connectionTimeout: MAIL_DELIVERY_TIMEOUT_MS,
    greetingTimeout: MAIL_DELIVERY_TIMEOUT_MS,
    socketTimeout: MAIL_DELIVERY_TIMEOUT_MS,
    ...NOTHING_FROM_OUTSIDE,
  })
  const circuit = new MailCircuit()
  return {
    kind: 'smtp' as const,
    deliver: (mail: OutgoingMail) =>
      circuit.through(async () => {
        try {
          await transport.sendMail(messageOf(mail, from))
        } catch (error) {
          throw toMailError(error as { responseCode?: number; command?: string; code?: string })
        }
      }),
    close: () => transport.close(),
  }
}

/** Each mail a file that mail programs open, named by its id: sent again, it is the same file. */
function folderTransport(folder: string, from: string) {
  const composer = createTransport({ streamTransport: true, buffer: true, ...NOTHING_FROM_OUTSIDE })
  return {
    kind: 'folder' as const,
    deliver: async (mail: OutgoingMail) => {
      const { message } = await composer.sendMail(messageOf(mail, from))
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const file = join(folder, `${mail.messageId}.eml`)
      await writeFile(`${file}.part`, message as Buffer, { mode: 0o600 })
      await rename(`${file}.part`, file)
    },
    close: () => {},
  }
}

const NOTHING_FROM_OUTSIDE = { disableFileAccess: true, disableUrlAccess: true }

function connectionOf(text: string) {
  const url = new URL(text)
  const secure = url.protocol === 'smtps:'
  return {
    host: url.hostname,
    port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
    secure,
    ...(url.username !== '' && { auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) } }),
  }
}

function messageOf(mail: OutgoingMail, from: string) {
  return {
    messageId: `<${mail.messageId}@${from.split('@').at(-1)}>`,
    from: { name: mail.sender, address: from },
    replyTo: { name: mail.sender, address: mail.replyTo },
    to: { name: '', address: mail.to },
    subject: mail.subject,
    text: mail.text,
    ...(mail.html !== null && { html: mail.html }),
    headers: { 'Auto-Submitted': 'auto-generated' },
  }
}

/** Without the server's words, which may quote the receiver. */
function toMailError({ responseCode, command, code }: { responseCode?: number; command?: string; code?: string }): Error {
  const isFinal = responseCode !== undefined && responseCode >= 500 && REFUSED_COMMANDS.includes(command ?? '')
  if (isFinal) return new MailRefused(`the mail server answered ${responseCode}`)
  const isSilent = responseCode === undefined && SILENT_CODES.includes(code ?? '')
  const told = `the mail was not taken: ${code ?? 'no code'}${responseCode === undefined ? '' : ` ${responseCode}`}`
  return isSilent ? new MailServerSilent(told) : new Error(told)
}
