import { relative } from 'node:path'
import { controlTokenOf, type DemoPayments } from './demo-payments.ts'
import { tour } from './demo-tour.ts'
import { root } from './pnpm.mjs'
import type { Ports } from './ports.ts'
import type { OpenShop } from './seed-demo.ts'

export interface DemoNotes {
  ports: Ports
  baseDomain: string
  admin: { email: string; password: string }
  staffPassword: string
  payments: DemoPayments
  shops: OpenShop[]
  logs: string
  mail: string
  seconds: number
}

/** What somebody who has just started Souk wants to know: where the shops are, how to get in, what to try. */
export function demoNotes({ ports, baseDomain, admin, staffPassword, payments, shops, logs, mail, seconds }: DemoNotes): string {
  const platform = `http://platform.${baseDomain}:${ports.api}`
  const sections = [
    `\nSouk is running (${seconds.toFixed(1)} s). Ctrl-C stops it.`,
    table(
      'Shops',
      shops.map((shop) => [shop.url, `${shop.name}, ${shop.currency}`]),
    ),
    table(`Staff, at each shop's /v1/admin (password: ${staffPassword})`, [...shops.map((shop) => [shop.staffEmail, shop.url])]),
    table(`Platform admin (password: ${admin.password})`, [[admin.email, platform]]),
    table(`Payment provider of this demo (control token: ${controlTokenOf(payments.secret)})`, [[payments.url, 'see docs/sandbox-psp.md']]),
    table('Reference and health', [
      [`${platform}/docs`, 'every route'],
      [`http://127.0.0.1:${ports.apiInternal}/metrics`, `API; the worker is at port ${ports.workerInternal}`],
      [`${relative(process.cwd(), logs) || root}/`, 'logs'],
      [`${relative(process.cwd(), mail) || root}/`, 'mails, unless SOUK_SMTP_URL names a mail server'],
    ]),
  ]
  const moving = [
    'A merchant moves to another database while it sells (in another terminal; the same line takes it back)',
    '  npm run move-demo',
  ].join('\n')
  return [...sections, moving, tour(shops, staffPassword, payments)].join('\n\n')
}

function table(title: string, rows: string[][]): string {
  const width = Math.max(...rows.map(([first]) => first?.length ?? 0))
  return [title, ...rows.map(([first = '', second = '']) => `  ${first.padEnd(width)}  ${second}`)].join('\n')
}
