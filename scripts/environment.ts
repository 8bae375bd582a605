import type { Database } from './database.ts'
import { linkPictures } from './demo-shops.ts'
import type { Ports } from './ports.ts'
import type { State } from './state.ts'

/** What each app is told. The apps read it once, in their config.ts. */
export function environmentOf(state: State, database: Database, ports: Ports): Record<'api' | 'worker', Record<string, string>> {
  const cell = { app: database.url('souk_app'), queue: database.url('souk_queue'), platform: database.url('souk_platform') }
  const both = {
    NODE_ENV: 'production',
    BASE_DOMAIN: baseDomain(),
    LOG_LEVEL: process.env.LOG_LEVEL || 'info',
    SOUK_DIRECTORY_URL: database.url('souk_app'),
    SOUK_PLATFORM_URL: database.url('souk_platform'),
    SOUK_CELLS: JSON.stringify({ 'shared-1': cell }),
    SOUK_KEYS_FILE: state.keys,
  }
  return {
    api: {
      ...both,
      HOST: process.env.HOST || '127.0.0.1',
      PORT: String(ports.api),
      PUBLIC_URL_PORT: String(ports.api),
      INTERNAL_PORT: String(ports.apiInternal),
      SOUK_MEDIA_DIR: linkPictures(state.media),
    },
    worker: {
      ...both,
      ...(process.env.SOUK_SMTP_URL && { SOUK_SMTP_URL: process.env.SOUK_SMTP_URL }),
      SOUK_MAIL_DIR: state.mail,
      SOUK_STOREFRONT_URL: `http://{slug}.${baseDomain()}:${ports.api}`,
      WORKER_INTERNAL_PORT: String(ports.workerInternal),
    },
  }
}

export function baseDomain(): string {
  return process.env.BASE_DOMAIN || 'localhost'
}
