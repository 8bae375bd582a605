import { readFileSync } from 'node:fs'
import { type ProviderSettings, providerSettings } from '@souk/payment-providers/settings.ts'
import { hostSettings, toHostOptions } from '@souk/plugin-host/host-settings.ts'
import type { PluginHostOptions } from '@souk/plugin-host/plugin-host.ts'
import { cellsText } from '@souk/tenant-router/cell-secret.ts'
import { z } from 'zod'
import { type JwtKey, readJwtKeys } from './tokens.ts'

/** What the process was told to be. Read once, here; nothing else looks at the environment. */
export interface Config {
  host: string
  port: number
  internalPort: number | undefined
  baseDomain: string
  /** The port that belongs into URLs we print; undefined for the scheme's own. */
  publicUrlPort: number
  directoryUrl: string
  platformUrl: string
  cells: Record<string, CellUrls>
  /** As `cells`, from the same place as it is now. */
  readCells: () => Record<string, CellUrls>
  jwtKeys: JwtKey[]
  tokenKeys: { kid: string; secret: Buffer }[]
  mediaDir: string | undefined
  /** Where archives of merchants are kept: the workers' folder. */
  archiveDir: string | undefined
  logLevel: string
  connectionsPerCell: number | undefined
  /** Where the rates of plans are counted; in the directory if it is not said. */
  redisUrl: string | undefined
  pluginHost: PluginHostOptions
  /** Whom payments may be asked of, and where. */
  paymentProviders: ProviderSettings
  /** For crash tests: the crash point at which a process is killed, and which one. */
  crashAt: string | undefined
  crashPid: number | undefined
}

/** One database, two of its roles, and where it may be read besides. The queue's role is for the worker. */
export interface CellUrls {
  app: string
  platform: string
  /** A read replica, as souk_app. */
  replica?: string | undefined
}

const url = z.string().regex(/^postgres(ql)?:\/\//, 'must be a postgres:// URL')
const port = z.coerce.number().int().min(0).max(65_535)
const cellUrls = z.record(z.string().regex(/^[a-z][a-z0-9-]{0,62}$/), z.object({ app: url, platform: url, replica: url.optional() }))

const environment = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: port.default(3000),
  INTERNAL_PORT: port.optional(),
  BASE_DOMAIN: z
    .string()
    .regex(/^[a-z0-9.-]+$/)
    .default('localhost'),
  PUBLIC_URL_PORT: port.optional(),
  SOUK_DIRECTORY_URL: url,
  SOUK_PLATFORM_URL: url,
  SOUK_CELLS: z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown
      } catch {
        context.addIssue('must be JSON')
        return z.NEVER
      }
    })
    .pipe(cellUrls),
  SOUK_KEYS_FILE: z.string(),
  SOUK_MEDIA_DIR: z.string().optional(),
  SOUK_ARCHIVE_DIR: z.string().optional(),
  SOUK_CONNECTIONS_PER_CELL: z.coerce.number().int().min(1).max(500).optional(),
  REDIS_URL: z
    .string()
    .regex(/^rediss?:\/\//, 'must be a redis:// URL')
    .optional(),
  ...hostSettings,
  SOUK_PAYMENT_PROVIDERS: providerSettings,
  SOUK_CRASH_AT: z.string().optional(),
  SOUK_CRASH_PID: z.coerce.number().int().positive().optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']).default('info'),
})

const keysFile = z.object({
  jwt: z.array(z.object({ kid: z.string().min(1).max(100), privateKey: z.string() })).min(1),
  tokens: z.array(z.object({ kid: z.string().regex(/^[A-Za-z0-9_-]{1,100}$/), secret: z.base64() })).min(1),
})

const TOKEN_SECRET_BYTES_MIN = 32

/** Reads and checks the environment and the file of keys. Throws one error that names everything that is wrong. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const parsed = environment.safeParse({ ...env, SOUK_CELLS: cellsText(env) })
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`)
    throw new Error(`The environment is not complete:\n${problems.join('\n')}`)
  }
  const given = parsed.data
  return {
    host: given.HOST,
    port: given.PORT,
    internalPort: given.INTERNAL_PORT,
    baseDomain: given.BASE_DOMAIN,
    publicUrlPort: given.PUBLIC_URL_PORT ?? given.PORT,
    directoryUrl: given.SOUK_DIRECTORY_URL,
    platformUrl: given.SOUK_PLATFORM_URL,
    cells: given.SOUK_CELLS,
    readCells: () => environment.shape.SOUK_CELLS.parse(cellsText(env)),
    ...readKeys(given.SOUK_KEYS_FILE),
    mediaDir: given.SOUK_MEDIA_DIR,
    archiveDir: given.SOUK_ARCHIVE_DIR,
    logLevel: given.LOG_LEVEL,
    connectionsPerCell: given.SOUK_CONNECTIONS_PER_CELL,
    redisUrl: given.REDIS_URL,
    pluginHost: toHostOptions(given),
    paymentProviders: given.SOUK_PAYMENT_PROVIDERS,
    crashAt: given.SOUK_CRASH_AT,
    crashPid: given.SOUK_CRASH_PID,
  }
}

function readKeys(file: string): Pick<Config, 'jwtKeys' | 'tokenKeys'> {
  const keys = keysFile.parse(JSON.parse(readFileSync(file, 'utf8')))
  const tokenKeys = keys.tokens.map(({ kid, secret }) => ({ kid, secret: Buffer.from(secret, 'base64') }))
  const short = tokenKeys.find((key) => key.secret.length < TOKEN_SECRET_BYTES_MIN)
  if (short) throw new Error(`The token key ${short.kid} has fewer than ${TOKEN_SECRET_BYTES_MIN} bytes.`)
  return { jwtKeys: readJwtKeys(keys.jwt), tokenKeys }
}
