/** Something about a promotion that its author may not have meant. It is said, and nothing is refused. */
export interface PromotionWarning {
  code: string
  /** JSON Pointer into the promotion. */
  pointer: string
  detail: string
  promotion_ids?: string[]
}
