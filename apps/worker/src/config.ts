import { readFileSync } from 'node:fs'
import { type ProviderSettings, providerSettings } from '@souk/payment-providers/settings.ts'
import { hostSettings, toHostOptions } from '@souk/plugin-host/host-settings.ts'
import type { PluginHostOptions } from '@souk/plugin-host/plugin-host.ts'
import { cellsText } from '@souk/tenant-router/cell-secret.ts'
import { z } from 'zod'

/** One database, by its roles. */
export interface WorkerCell {
  app: string
  queue: string
  /** As souk_platform. Without it no merchant of the cell is exported, restored or erased by this process. */
  platform?: string | undefined
  /** As souk_mover. Without it no merchant is moved to or from the cell. */
  mover?: string | undefined
  /** Where the servers of other cells reach this one, as souk_mover. Undefined: at `mover`. */
  replication?: string | undefined
}

export interface WorkerConfig {
  directoryUrl: string
  /** The directory as souk_platform: for what happens to merchants as a whole. */
  platformUrl?: string | undefined
  /** The directory as souk_mover: for moves of merchants between cells. */
  moverUrl?: string | undefined
  /** How long a move can be taken back. Undefined: a day. */
  moveWatchMs?: number | undefined
  /** How much of a move's time goes into work, at most 1. */
  moveWorkShare?: number | undefined
  /** Where archives of merchants are kept: the API's folder. */
  archiveDir?: string | undefined
  /** Where media are: the API's folder. */
  mediaDir?: string | undefined
  baseDomain: string
  cells: Record<string, WorkerCell>
  /** As `cells`, from the same place as it is now. Undefined: they stay what they are. */
  readCells?: () => Record<string, WorkerCell>
  /** The cells whose queues this process works on: names, `shared:*`, `dedicated:*`. Undefined: all. It needs the addresses of the others, to follow a merchant that moved. */
  worksFor?: string[] | undefined
  /** Open the secrets of plugins: the token keys of the API's file. */
  tokenKeys: { kid: string; secret: Buffer }[]
  /** Carriers served elsewhere than at their names: for demos and tests on one machine. */
  redirectedHosts: Record<string, string>
  /** The same for receivers of webhooks. */
  webhookHosts: Record<string, string>
  /** Metrics and health are served at 127.0.0.1 there; undefined: not at all. */
  internalPort: number | undefined
  jobsAtOnce: number
  mail: {
    /** Without it mails become files in `folder`, and without that none is sent. */
    smtpUrl: string | undefined
    folder: string | undefined
    from: string
    /** Where a storefront is that has said nothing else: `{slug}` stands for the merchant's. */
    storefrontUrl: string
  }
  pluginHost?: PluginHostOptions
  /** Whom payments may be asked of, and where. */
  paymentProviders: ProviderSettings
  logLevel: string
  /** For crash tests: the crash point at which a process is killed, and which one. */
  crashAt?: string | undefined
  crashPid?: number | undefined
}

const JOBS_AT_ONCE = 4
const JOBS_AT_ONCE_MAX = 64

const databaseUrl = z.string().regex(/^postgres(ql)?:\/\//, 'must be an address of the form postgres://user:password@host:port/database')

const json = z.string().transform((text, context) => {
  try {
    return JSON.parse(text) as unknown
  } catch {
    context.addIssue({ code: 'custom', message: 'must be JSON' })
    return z.NEVER
  }
})

const cellUrls = z.record(
  z.string(),
  z.object({
    app: databaseUrl,
    queue: databaseUrl,
    platform: databaseUrl.optional(),
    mover: databaseUrl.optional(),
    replication: databaseUrl.optional(),
  }),
)

const keysFile = z.object({ tokens: z.array(z.object({ kid: z.string(), secret: z.base64() })).min(1) })

const settings = z.object({
  SOUK_DIRECTORY_URL: databaseUrl,
  SOUK_PLATFORM_URL: databaseUrl.optional(),
  SOUK_MOVER_URL: databaseUrl.optional(),
  SOUK_MOVE_WATCH_MINUTES: z.coerce.number().min(0).optional(),
  SOUK_MOVE_WORK_PERCENT: z.coerce.number().min(1).max(100).optional(),
  SOUK_ARCHIVE_DIR: z.string().min(1).optional(),
  SOUK_MEDIA_DIR: z.string().min(1).optional(),
  SOUK_CELLS: json.pipe(cellUrls),
  WORKER_CELLS: z
    .string()
    .transform((text) => text.split(',').map((name) => name.trim()))
    .optional(),
  SOUK_KEYS_FILE: z.string(),
  SOUK_CARRIER_HOSTS: json.pipe(z.record(z.string(), z.url({ protocol: /^https?$/ }))).default({}),
  SOUK_WEBHOOK_HOSTS: json.pipe(z.record(z.string(), z.url({ protocol: /^https?$/ }))).default({}),
  BASE_DOMAIN: z.string().min(1).default('localhost'),
  WORKER_INTERNAL_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  WORKER_JOBS_AT_ONCE: z.coerce.number().int().min(1).max(JOBS_AT_ONCE_MAX).default(JOBS_AT_ONCE),
  SOUK_SMTP_URL: z.url({ protocol: /^smtps?$/ }).optional(),
  SOUK_MAIL_DIR: z.string().min(1).optional(),
  SOUK_MAIL_FROM: z
    .string()
    .regex(/^[^@\s<>]+@[^@\s<>]+$/, 'must be an e-mail address')
    .optional(),
  SOUK_STOREFRONT_URL: z
    .string()
    .regex(/^https?:\/\/[^/]*\{slug\}[^/]*/, 'must be a URL with {slug} in its host')
    .optional(),
  ...hostSettings,
  SOUK_PAYMENT_PROVIDERS: providerSettings,
  SOUK_CRASH_AT: z.string().optional(),
  SOUK_CRASH_PID: z.coerce.number().int().positive().optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
})
const environment = settings.refine((given) => given.SOUK_ARCHIVE_DIR === undefined || given.SOUK_MEDIA_DIR !== undefined, {
  path: ['SOUK_MEDIA_DIR'],
  error: 'must be set where SOUK_ARCHIVE_DIR is: archives and erasures of merchants are of their media too',
})

/** Reads what the process was given, or throws one error that names every setting that is wrong, and no value. */
export function readConfig(env: NodeJS.ProcessEnv): WorkerConfig & Required<Pick<WorkerConfig, 'readCells'>> {
  const { data, error } = environment.safeParse({ ...env, SOUK_CELLS: cellsText(env) })
  if (error) {
    const problems = error.issues.map((issue) => `${issue.path.join('.')}: ${issue.code === 'custom' ? issue.message : describe(issue)}`)
    throw new Error(`The worker cannot start with these settings.\n${problems.join('\n')}`)
  }
  return {
    directoryUrl: data.SOUK_DIRECTORY_URL,
    platformUrl: data.SOUK_PLATFORM_URL,
    moverUrl: data.SOUK_MOVER_URL,
    moveWatchMs: data.SOUK_MOVE_WATCH_MINUTES === undefined ? undefined : data.SOUK_MOVE_WATCH_MINUTES * 60_000,
    moveWorkShare: data.SOUK_MOVE_WORK_PERCENT === undefined ? undefined : data.SOUK_MOVE_WORK_PERCENT / 100,
    archiveDir: data.SOUK_ARCHIVE_DIR,
    mediaDir: data.SOUK_MEDIA_DIR,
    baseDomain: data.BASE_DOMAIN.toLowerCase(),
    cells: data.SOUK_CELLS,
    readCells: () => settings.shape.SOUK_CELLS.parse(cellsText(env)),
    worksFor: data.WORKER_CELLS,
    tokenKeys: readTokenKeys(data.SOUK_KEYS_FILE),
    redirectedHosts: data.SOUK_CARRIER_HOSTS,
    webhookHosts: data.SOUK_WEBHOOK_HOSTS,
    internalPort: data.WORKER_INTERNAL_PORT === 0 ? undefined : data.WORKER_INTERNAL_PORT,
    jobsAtOnce: data.WORKER_JOBS_AT_ONCE,
    mail: {
      smtpUrl: data.SOUK_SMTP_URL,
      folder: data.SOUK_MAIL_DIR,
      from: data.SOUK_MAIL_FROM ?? `no-reply@${data.BASE_DOMAIN.toLowerCase()}`,
      storefrontUrl: data.SOUK_STOREFRONT_URL ?? `https://{slug}.${data.BASE_DOMAIN.toLowerCase()}`,
    },
    logLevel: data.LOG_LEVEL,
    pluginHost: toHostOptions(data),
    paymentProviders: data.SOUK_PAYMENT_PROVIDERS,
    crashAt: data.SOUK_CRASH_AT,
    crashPid: data.SOUK_CRASH_PID,
  }
}

function readTokenKeys(file: string): WorkerConfig['tokenKeys'] {
  const { tokens } = keysFile.parse(JSON.parse(readFileSync(file, 'utf8')))
  return tokens.map(({ kid, secret }) => ({ kid, secret: Buffer.from(secret, 'base64') }))
}

function describe(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_type' && issue.input === undefined ? `${issue.message}. Is it set?` : issue.message
}
