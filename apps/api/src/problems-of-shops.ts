import type { ProblemKind } from './problem-kind.ts'
import type { ProblemCode } from './problems.ts'

/** What the rules of a shop say no to. */
export const PROBLEMS_OF_SHOPS = {
  invalid_product: { status: 422, title: 'Invalid product', meaning: 'The product does not hold together; `errors` says where.' },
  duplicate: { status: 409, title: 'Duplicate', meaning: 'Something with this unique name is there already.' },
  invalid_state: {
    status: 409,
    title: 'Invalid state',
    meaning: 'The thing is in a state that does not allow this; `current_state` names it.',
  },
  discount_exceeds_total: {
    status: 422,
    title: 'The discount is more than there is to pay',
    meaning: 'More would be taken off than the goods cost.',
  },
  refund_exceeds_capture: {
    status: 409,
    title: 'More would be refunded than was captured',
    meaning: 'The amount is more than what was captured and not refunded yet, refunds that are under way included.',
  },
  gift_card_invalid: {
    status: 422,
    title: 'Gift card not usable',
    meaning: 'There is no gift card of this code, or it has expired, was disabled, or is of another currency.',
  },
  insufficient_credit: {
    status: 409,
    title: 'Not enough credit',
    meaning: 'There is not as much left on the gift card, or of the store credit.',
  },
  capture_exceeds_authorization: {
    status: 409,
    title: 'More would be taken than is authorized',
    meaning: 'The amount is more than what is authorized and not captured yet, captures that are under way included.',
  },
  payment_declined: {
    status: 402,
    title: 'Payment declined',
    meaning:
      'The payment was declined; `code` says why. Nothing was charged. `order` stays open for another attempt until `payment_due_at`; `token` opens it.',
  },
  payment_provider_unknown: {
    status: 422,
    title: 'Payment provider not offered',
    meaning: 'The merchant does not take payments by this provider, or has turned it off.',
  },
  payment_account_invalid: {
    status: 422,
    title: 'Invalid payment account',
    meaning: 'The account lacks a key, or names an address or setting its provider does not have; `errors` says which.',
  },
  payment_method_unusable: {
    status: 422,
    title: 'Payment method not usable',
    meaning: 'Nothing is named that pays, two things are, or a saved method that is not this customer’s; `errors` says where.',
  },
  callback_invalid: {
    status: 401,
    title: 'Callback not verified',
    meaning: 'The signature of the callback does not verify, or its time is too far from now. Nothing was kept.',
  },
  insufficient_stock: {
    status: 409,
    title: 'Insufficient stock',
    meaning: 'There are not as many units available. `variant_ids`, or `errors`, says of what.',
  },
  too_many_lines: { status: 422, title: 'Too many lines', meaning: 'The cart has more lines than it may.' },
  cart_empty: { status: 422, title: 'Cart empty', meaning: 'The cart has nothing in it.' },
  cart_incomplete: { status: 422, title: 'Cart incomplete', meaning: 'The cart lacks an address or contact; `errors` says which.' },
  total_changed: { status: 409, title: 'Total changed', meaning: 'The total is not the expected one; nothing was ordered.' },
  promotion_invalid: {
    status: 422,
    title: 'Invalid promotion',
    meaning: 'The promotion does not hold together, or names something that is not there; `errors` says where.',
  },
  promotion_used_up: {
    status: 409,
    title: 'Offer used up',
    meaning:
      'An offer in the price was used up by others, or by this customer, since the cart was priced: read the cart again. `promotion_ids` names it.',
  },
  coupon_code_invalid: {
    status: 422,
    title: 'Invalid coupon code',
    meaning: 'A code has 1 to 64 letters, digits and characters of `_.-+%&!#@*$/`; case and white space do not count.',
  },
  coupon_used_up: {
    status: 409,
    title: 'Coupon used up',
    meaning: 'A code in the cart was used up or withdrawn since the cart was priced: read the cart again. `coupon_codes` names it.',
  },
  too_many_in_progress: {
    status: 429,
    title: 'Too many in progress',
    meaning: 'As many of these are being worked on as may be at a time: wait for one to end.',
    retryAfter: 10,
  },
  quote_outdated: {
    status: 409,
    title: 'Quote outdated',
    meaning: 'The cart or the prices went on changing while the order was being placed; nothing was ordered. Read the cart again.',
  },
  tax_invalid: {
    status: 422,
    title: 'Invalid tax data',
    meaning: 'The rate, exemption or setting cannot be applied, or names a place that is not there; `errors` says where.',
  },
  shipping_invalid: {
    status: 422,
    title: 'Invalid shipping data',
    meaning: 'The zone or method cannot be offered, or names something that is not there; `errors` says where.',
  },
  invalid_media: {
    status: 422,
    title: 'Not such a picture',
    meaning: 'The content is no picture of a form that is taken, or too large; `detail` says which.',
  },
  import_invalid: {
    status: 422,
    title: 'Not such a file',
    meaning: 'The content is not a file of the format that was named; `detail` says why. Nothing was written.',
  },
  too_many: { status: 422, title: 'Too many', meaning: 'There may be no more of these; `detail` says how many.' },
  mail_token_invalid: {
    status: 422,
    title: 'Invalid token from a mail',
    meaning: 'The token was not mailed by this shop, was used, or is past its time: ask for a new one.',
  },
  mail_template_invalid: {
    status: 422,
    title: 'Invalid mail template',
    meaning: 'The words cannot be rendered, or speak of what such a mail does not have; `errors` says where.',
  },
  mail_settings_invalid: { status: 422, title: 'Invalid mail settings', meaning: 'The storefront is no plain https address.' },
  customer_token_invalid: {
    status: 422,
    title: 'Invalid customer token',
    meaning: 'The customer token is malformed, another merchant’s, past its time, or of a customer who is gone.',
  },
  shipping_option_unavailable: {
    status: 422,
    title: 'Shipping option unavailable',
    meaning: 'The cart cannot be sent this way; its shipping options say how, and why not.',
  },
  vat_id_invalid: {
    status: 422,
    title: 'Invalid VAT id',
    meaning: 'The VAT id is not in the form of its country, or its check digits are wrong.',
  },
  coupon_unknown: { status: 422, title: 'Unknown coupon', meaning: 'There is no such code.' },
  coupon_expired: { status: 422, title: 'Coupon expired', meaning: 'The code was good until a moment that is over.' },
  coupon_not_yet: { status: 422, title: 'Coupon not yet valid', meaning: 'The code is good from a moment that is still to come.' },
  coupon_not_yours: {
    status: 422,
    title: 'Coupon of another customer',
    meaning: 'The code is for another customer, or for one who is signed in.',
  },
  coupon_used_before: { status: 422, title: 'Coupon used before', meaning: 'This customer has used the code as often as one may.' },
  csv_malformed: { status: 422, title: 'Malformed CSV', meaning: 'The file cannot be read as CSV.' },
  csv_encoding: { status: 422, title: 'CSV encoding', meaning: 'The file is not UTF-8.' },
  csv_header: { status: 422, title: 'CSV header', meaning: 'The header line is missing, or has a column twice.' },
  too_many_imports: { status: 429, title: 'Too many imports', meaning: 'An import is under way: wait for its end.', retryAfter: 10 },
} satisfies Partial<Record<ProblemCode, ProblemKind>>
