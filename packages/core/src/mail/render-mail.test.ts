import { describe, expect, it } from 'vitest'
import type { Refusal } from '../refusal.ts'
import { DEFAULT_WORDS } from './default-words.ts'
import { MAIL_TEMPLATE_NAMES, MAIL_TEMPLATES, type MailWords } from './mail-template.ts'
import { checkWords, renderMail } from './render-mail.ts'

const words = (given: Partial<MailWords>): MailWords => ({ subject: 'A subject', text: 'A text', html: null, ...given })

function faultsOf(given: Partial<MailWords>): { pointer: string; code: string }[] {
  try {
    checkWords('order_placed', words(given))
    return []
  } catch (error) {
    expect((error as Refusal).code).toBe('mail_template_invalid')
    return (error as Refusal).details.errors!.map(({ pointer, code }) => ({ pointer, code }))
  }
}

describe('our own words', () => {
  it.each(MAIL_TEMPLATE_NAMES)('of %s can be used, and leave nothing unsaid', (name) => {
    checkWords(name, DEFAULT_WORDS[name])
    const mail = renderMail(DEFAULT_WORDS[name], MAIL_TEMPLATES[name].sample)
    for (const part of [mail.subject, mail.text, mail.html ?? 'none']) expect(part).not.toMatch(/\{\{|\{%|undefined|^\s*$/)
  })
})

describe('what is put into a mail', () => {
  const data = { ...MAIL_TEMPLATES.order_placed.sample, shop: { name: '<script>"\'&', url: 'x" onclick="y', email: 'a@b.example' } }

  it('is escaped in HTML, and as it is in text', () => {
    const mail = renderMail(words({ text: '{{ shop.name }}', html: '<a href="{{ shop.url }}">{{ shop.name }}</a>' }), data)
    expect(mail.text).toBe('<script>"\'&')
    expect(mail.html).toBe('<a href="x&#34; onclick=&#34;y">&lt;script&gt;&#34;&#39;&amp;</a>')
  })

  it('cannot begin another header', () => {
    const injected = { ...data, shop: { ...data.shop, name: 'Shop\r\nBcc: everybody@x.example' } }
    expect(renderMail(words({ subject: '{{ shop.name }}' }), injected).subject).toBe('Shop Bcc: everybody@x.example')
  })
})

describe('words that cannot be used', () => {
  it.each([
    ['an output that is not closed', '{{ order.number', 'invalid_template'],
    ['a tag that is not closed', '{% if order.number %}', 'invalid_template'],
    ['a variable that there is not', '{{ order.nmber }}', 'unknown_variable'],
    ['one in a branch that is not taken', '{% if false %}{{ customer.password }}{% endif %}x', 'unknown_variable'],
    ['one of a repeated thing', '{% for line in order.lines %}{{ line.price }}{% endfor %}', 'invalid_template'],
    ['something of every object', '{{ order.constructor }}', 'unknown_variable'],
    ['another file', '{% include "x" %}', 'invalid_template'],
    ['a layout', '{% layout "x" %}', 'invalid_template'],
    ['a way around the escaping', '{{ shop.name | raw }}', 'invalid_template'],
    ['a filter that there is not', '{{ shop.name | shout }}', 'invalid_template'],
    ['more than can be written', '{% for i in (1..100000000) %}x{% endfor %}', 'invalid_template'],
    ['a loop of loops', '{% for i in (1..9999) %}{% for j in (1..9999) %}{% assign k = j %}{% endfor %}{% endfor %}x', 'invalid_template'],
    ['nothing', '{% if false %}x{% endif %}', 'invalid_template'],
    ['a character that cannot be stored', 'a\0b', 'invalid_text'],
  ])('%s', (_name, text, code) => {
    expect(faultsOf({ text })).toEqual([{ pointer: '/text', code }])
    expect(faultsOf({ html: text })).toEqual([{ pointer: '/html', code }])
    expect(faultsOf({ subject: text })).toEqual([{ pointer: '/subject', code }])
  })

  it('too many of them', () => {
    expect(faultsOf({ text: 'x'.repeat(100_001), subject: 'x'.repeat(1_001) })).toEqual([
      { pointer: '/subject', code: 'text_too_long' },
      { pointer: '/text', code: 'text_too_long' },
    ])
  })
})

it('may choose, repeat and shorten', () => {
  const given = words({
    text: '{% for line in order.lines %}{{ line.title | upcase }}{% unless forloop.last %}, {% endunless %}{% endfor %}',
  })
  checkWords('order_placed', given)
  expect(renderMail(given, MAIL_TEMPLATES.order_placed.sample).text).toBe('MUG, TEA')
})
