/** What our model was asked for a case, and what it said, by the names of the case. */
export interface Answer {
  asked: unknown
  actual: Record<string, unknown>
}
