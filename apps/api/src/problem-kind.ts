export interface ProblemKind {
  status: number
  title: string
  /** One line for the documentation: when it happens, and what the caller can do. */
  meaning: string
  /** Seconds after which trying again makes sense. */
  retryAfter?: number
}
