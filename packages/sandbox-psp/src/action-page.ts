import type { PaymentState } from './entries.ts'

/** The page where the buyer approves a payment or refuses it: no script, nothing loaded from anywhere. */
export function actionPage(payment: PaymentState, merchant: string): string {
  return page(`Payment to ${escapeHtml(merchant)}`, [
    `<p>${escapeHtml(merchant)} asks for <strong>${escapeHtml(amountOf(payment))}</strong> from your card ending in ${escapeHtml(payment.card.last4)}.</p>`,
    '<form method="post">',
    '<button name="answer" value="approve">Approve</button>',
    '<button name="answer" value="refuse">Refuse</button>',
    '</form>',
  ])
}

/** Shown where there is no shop to go back to, and to who comes back later. */
export function closingPage(payment: PaymentState, merchant: string): string {
  const refused = payment.status === 'declined' || payment.status === 'voided' || payment.status === 'expired'
  return page(`Payment to ${escapeHtml(merchant)}`, [
    `<p>The payment of ${escapeHtml(amountOf(payment))} ${refused ? 'was not made' : 'was made'}. You may close this page.</p>`,
  ])
}

export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
}

function page(title: string, lines: string[]): string {
  return [
    '<!doctype html>',
    '<html lang="en">',
    `<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>`,
    '<style>body{font:16px system-ui;max-width:26rem;margin:4rem auto;padding:0 1rem}button{font:inherit;padding:.5rem 1rem;margin-right:.5rem}</style></head>',
    `<body><h1>${title}</h1>`,
    ...lines,
    '<p><small>Sandbox: no money moves.</small></p></body></html>',
  ].join('\n')
}

function amountOf({ amount, currency }: PaymentState): string {
  return `${amount} ${currency} (minor units)`
}

function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return text.replaceAll(/[&<>"']/g, (character) => entities[character]!)
}
