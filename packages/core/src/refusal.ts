/**
 * Everything the shop can say no to. A code becomes a problem type and an HTTP status in one place, the API's errors.ts.
 * A refusal is thrown, so that the transaction it happens in rolls back.
 */
export type RefusalCode =
  | 'not_found'
  | 'duplicate'
  | 'invalid_state'
  | 'invalid_cursor'
  | 'invalid_text'
  | 'text_too_long'
  | 'invalid_product'
  | 'invalid_slug'
  | 'insufficient_stock'
  | 'refund_exceeds_capture'
  | 'discount_exceeds_total'
  | 'gift_card_invalid'
  | 'insufficient_credit'
  | 'quantity_out_of_range'
  | 'amount_out_of_range'
  | 'currency_unsupported'
  | 'currency_mismatch'
  | 'too_many_lines'
  | 'cart_empty'
  | 'cart_incomplete'
  | 'total_changed'
  | 'quote_outdated'
  | 'too_many'
  | 'customer_token_invalid'
  | 'shipping_option_unavailable'
  | 'vat_id_invalid'
  | 'coupon_unknown'
  | 'coupon_expired'
  | 'coupon_not_yet'
  | 'coupon_not_yours'
  | 'coupon_used_before'
  | 'invalid_credentials'
  | 'invalid_token'
  | 'token_expired'
  | 'token_revoked'
  | 'invalid_api_key'
  | 'insufficient_scope'
  | 'idempotency_in_progress'
  | 'idempotency_key_reused'
  | 'csv_malformed'
  | 'csv_encoding'
  | 'csv_header'
  | 'body_too_large'
  | 'too_many_imports'
  | 'quota_exceeded'
  | 'plan_limit_reached'
  | 'plugin_invalid'
  | 'plugin_configuration_invalid'
  | 'plugin_failed'
  | 'plugins_busy'
  | 'too_many_installs'
  | 'too_many_releases'
  | 'host_not_allowed'
  | 'url_not_allowed'
  | 'invalid_header'
  | 'domain_not_verified'
  | 'cell_unreachable'
  | 'cell_unfit'
  | 'cell_closed'
  | 'cell_occupied'
  | 'move_refused'
  | 'rule_invalid'
  | 'rule_too_complex'
  | 'rule_result_invalid'
  | 'unsafe_pattern'
  | 'promotion_invalid'
  | 'promotion_used_up'
  | 'coupon_code_invalid'
  | 'coupon_used_up'
  | 'too_many_in_progress'
  | 'tax_invalid'
  | 'shipping_invalid'
  | 'import_invalid'
  | 'invalid_media'
  | 'mail_template_invalid'
  | 'mail_token_invalid'
  | 'mail_settings_invalid'
  | 'capture_exceeds_authorization'
  | 'payment_declined'
  | 'payment_provider_unknown'
  | 'payment_account_invalid'
  | 'payment_method_unusable'
  | 'callback_invalid'

export interface FieldProblem {
  /** JSON Pointer (RFC 6901) into the request body. */
  pointer: string
  code: string
  detail?: string
}

export interface RefusalDetails {
  /** One sentence for the caller; never a secret, never SQL. */
  detail?: string
  errors?: FieldProblem[]
  /** Further members of the problem document, in wire spelling. */
  extra?: Record<string, unknown>
  /** When to come again, for what is a matter of time. */
  retryAfterS?: number
}

export class Refusal extends Error {
  readonly code: RefusalCode
  readonly details: RefusalDetails

  constructor(code: RefusalCode, details: RefusalDetails = {}) {
    super(details.detail ?? code)
    this.name = 'Refusal'
    this.code = code
    this.details = details
  }
}
