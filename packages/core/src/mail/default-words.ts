import type { MailTemplateName, MailWords } from './mail-template.ts'

const TOTALS_TEXT = `{% for line in order.lines %}{{ line.quantity }} x {{ line.title }}{% if line.variant %} ({{ line.variant }}){% endif %}: {{ line.total }}
{% endfor %}
{% if order.discount %}Discount: {{ order.discount }}
{% endif %}Shipping: {{ order.shipping }}
{% if order.tax_included %}Total: {{ order.total }} (tax in it: {{ order.tax }})
{% else %}Tax: {{ order.tax }}
Total: {{ order.total }}
{% endif %}{% if order.shipping_address %}
To:
{% for line in order.shipping_address %}{{ line }}
{% endfor %}{% endif %}`

const TOTALS_HTML = `<table cellpadding="4" style="border-collapse:collapse">
{% for line in order.lines %}<tr><td>{{ line.quantity }} &times;</td><td>{{ line.title }}{% if line.variant %} ({{ line.variant }}){% endif %}</td><td align="right">{{ line.total }}</td></tr>
{% endfor %}{% if order.discount %}<tr><td></td><td>Discount</td><td align="right">{{ order.discount }}</td></tr>
{% endif %}<tr><td></td><td>Shipping</td><td align="right">{{ order.shipping }}</td></tr>
<tr><td></td><td>{% if order.tax_included %}Tax, included{% else %}Tax{% endif %}</td><td align="right">{{ order.tax }}</td></tr>
<tr><td></td><td><b>Total</b></td><td align="right"><b>{{ order.total }}</b></td></tr>
</table>
{% if order.shipping_address %}<p>{% for line in order.shipping_address %}{{ line }}<br>{% endfor %}</p>{% endif %}`

const GOODS_TEXT = `{% for line in lines %}{{ line.quantity }} x {{ line.title }}{% if line.variant %} ({{ line.variant }}){% endif %}
{% endfor %}`

const GOODS_HTML = `<ul>{% for line in lines %}<li>{{ line.quantity }} &times; {{ line.title }}{% if line.variant %} ({{ line.variant }}){% endif %}</li>{% endfor %}</ul>`

const ORDER_LINK_TEXT = 'Your order: {{ order.url }}\n'
const ORDER_LINK_HTML = '<p><a href="{{ order.url }}">See your order</a></p>'

/** What is mailed where a merchant has no words of its own. */
export const DEFAULT_WORDS: Record<MailTemplateName, MailWords> = {
  order_placed: {
    subject: 'Your order {{ order.number }} at {{ shop.name }}',
    text: text(`Thank you for your order {{ order.number }} of {{ order.placed_on }}.\n\n${TOTALS_TEXT}\n${ORDER_LINK_TEXT}`),
    html: html(`<p>Thank you for your order {{ order.number }} of {{ order.placed_on }}.</p>${TOTALS_HTML}${ORDER_LINK_HTML}`),
  },
  order_cancelled: {
    subject: 'Your order {{ order.number }} was cancelled',
    text: text(`Your order {{ order.number }} was cancelled{% if reason %}: {{ reason }}{% endif %}.\n\n${ORDER_LINK_TEXT}`),
    html: html(`<p>Your order {{ order.number }} was cancelled{% if reason %}: {{ reason }}{% endif %}.</p>${ORDER_LINK_HTML}`),
  },
  shipment_sent: {
    subject: 'Your order {{ order.number }} is on its way',
    text: text(`These are on their way to you:\n\n${GOODS_TEXT}\n${ORDER_LINK_TEXT}`),
    html: html(`<p>These are on their way to you:</p>${GOODS_HTML}${ORDER_LINK_HTML}`),
  },
  payment_requested: {
    subject: 'Something is left to pay of your order {{ order.number }}',
    text: text(
      `Your order {{ order.number }} was changed. It comes to {{ order.total }} now, of which {{ amount }} is left to pay.\n\nPay it here: {{ order.url }}\n`,
    ),
    html: html(
      `<p>Your order {{ order.number }} was changed. It comes to {{ order.total }} now, of which {{ amount }} is left to pay.</p><p><a href="{{ order.url }}">Pay it here</a></p>`,
    ),
  },
  refund_issued: {
    subject: 'A refund for your order {{ order.number }}',
    text: text(
      `We have given back {{ amount }} for your order {{ order.number }}{% if to_store_credit %}, as store credit{% endif %}.\n\n${ORDER_LINK_TEXT}`,
    ),
    html: html(
      `<p>We have given back {{ amount }} for your order {{ order.number }}{% if to_store_credit %}, as store credit{% endif %}.</p>${ORDER_LINK_HTML}`,
    ),
  },
  return_received: {
    subject: 'What you sent back of order {{ order.number }} has arrived',
    text: text(`These have come back to us:\n\n${GOODS_TEXT}\n${ORDER_LINK_TEXT}`),
    html: html(`<p>These have come back to us:</p>${GOODS_HTML}${ORDER_LINK_HTML}`),
  },
  verify_email: {
    subject: 'Confirm your address for {{ shop.name }}',
    text: text(
      'Somebody, probably you, signed up at {{ shop.name }} with this address. Follow this link within {{ valid_hours }} hours and enter the password that was chosen:\n\n{{ link }}\n\nIf it was not you, do nothing: there will be no account.\n',
    ),
    html: html(
      '<p>Somebody, probably you, signed up at {{ shop.name }} with this address. Follow this link within {{ valid_hours }} hours and enter the password that was chosen:</p><p><a href="{{ link }}">Confirm the address</a></p><p>If it was not you, do nothing: there will be no account.</p>',
    ),
  },
  account_exists: {
    subject: 'You have an account at {{ shop.name }}',
    text: text(
      'Somebody, probably you, signed up at {{ shop.name }} with this address, which has an account already. Sign in, or set a new password, here:\n\n{{ link }}\n\nIf it was not you, there is nothing to do.\n',
    ),
    html: html(
      '<p>Somebody, probably you, signed up at {{ shop.name }} with this address, which has an account already. <a href="{{ link }}">Sign in, or set a new password</a>.</p><p>If it was not you, there is nothing to do.</p>',
    ),
  },
  reset_password: {
    subject: 'A new password for {{ shop.name }}',
    text: text(
      'Choose a new password for {{ shop.name }} within {{ valid_hours }} hours:\n\n{{ link }}\n\nIf you did not ask for this, do nothing: your password stays as it is.\n',
    ),
    html: html(
      '<p>Choose a new password for {{ shop.name }} within {{ valid_hours }} hours:</p><p><a href="{{ link }}">Choose a password</a></p><p>If you did not ask for this, do nothing: your password stays as it is.</p>',
    ),
  },
  change_email: {
    subject: 'Confirm your new address for {{ shop.name }}',
    text: text('Follow this link within {{ valid_hours }} hours to use this address at {{ shop.name }}:\n\n{{ link }}\n'),
    html: html(
      '<p>Follow this link within {{ valid_hours }} hours to use this address at {{ shop.name }}:</p><p><a href="{{ link }}">Confirm the address</a></p>',
    ),
  },
  webhook_trouble: {
    subject: 'Your webhook at {{ url_host }} {% if is_disabled %}was disabled{% else %}does not take its deliveries{% endif %}',
    text: text(
      '{% if is_disabled %}Nothing is sent to your webhook at {{ url_host }} any more. Enable it again once it works; what was missed can be replayed.{% else %}Your webhook at {{ url_host }} has not taken its deliveries for some time. They are tried again; if it stays so, the webhook will be disabled.{% endif %}\n',
    ),
    html: null,
  },
  email_changed: {
    subject: 'Your address at {{ shop.name }} was changed',
    text: text(
      'Your account at {{ shop.name }} has another e-mail address from now on. If you did not do this, write to {{ shop.email }} at once.\n',
    ),
    html: html(
      '<p>Your account at {{ shop.name }} has another e-mail address from now on. If you did not do this, write to {{ shop.email }} at once.</p>',
    ),
  },
}

function text(body: string): string {
  return `${body}\n{{ shop.name }}\n{{ shop.url }}\n`
}

function html(body: string): string {
  return `<!doctype html><html><body style="font-family:sans-serif">${body}<p><a href="{{ shop.url }}">{{ shop.name }}</a></p></body></html>`
}
