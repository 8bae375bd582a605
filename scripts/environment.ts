import type { Database } from './database.ts'
import { controlTokenOf, paymentProviderUrl } from './demo-payments.ts'
import { linkPictures } from './demo-shops.ts'
import type { Ports } from './ports.ts'
import { openPaymentSecret, type State } from './state.ts'

export type ProcessName = 'payment-provider' | 'api' | 'worker'

/** What each process is told. They read it once, in their config.ts. */
export function environmentOf(state: State, database: Database, ports: Ports): Record<ProcessName, Record<string, string>> {
  const both = {
    NODE_ENV: 'production',
    BASE_DOMAIN: baseDomain(),
    LOG_LEVEL: process.env.LOG_LEVEL || 'info',
    SOUK_DIRECTORY_URL: database.url('souk_app'),
    SOUK_PLATFORM_URL: database.url('souk_platform'),
    SOUK_CELLS_FILE: state.cells,
    SOUK_KEYS_FILE: state.keys,
    SOUK_MEDIA_DIR: linkPictures(state.media),
    SOUK_ARCHIVE_DIR: state.archives,
    SOUK_PAYMENT_PROVIDERS: JSON.stringify({ stripe: {}, sandbox: { api_bases: [paymentProviderUrl(ports)] } }),
  }
  return {
    'payment-provider': {
      PORT: String(ports.paymentProvider),
      SANDBOX_PSP_FOLDER: state.payments,
      SANDBOX_PSP_CONTROL_TOKEN: controlTokenOf(openPaymentSecret(state)),
    },
    api: {
      ...both,
      HOST: process.env.HOST || '127.0.0.1',
      PORT: String(ports.api),
      PUBLIC_URL_PORT: String(ports.api),
      INTERNAL_PORT: String(ports.apiInternal),
    },
    worker: {
      ...both,
      ...(process.env.SOUK_SMTP_URL && { SOUK_SMTP_URL: process.env.SOUK_SMTP_URL }),
      SOUK_MOVER_URL: database.url('souk_mover'),
      // A machine for oneself: whoever looks on waits less.
      SOUK_MOVE_WORK_PERCENT: process.env.SOUK_MOVE_WORK_PERCENT || '20',
      SOUK_MAIL_DIR: state.mail,
      SOUK_STOREFRONT_URL: `http://{slug}.${baseDomain()}:${ports.api}`,
      WORKER_INTERNAL_PORT: String(ports.workerInternal),
    },
  }
}

export function baseDomain(): string {
  return process.env.BASE_DOMAIN || 'localhost'
}
