/** What of the platform API's answers the commands read. The wire is described at /openapi.json. */
export interface Finding {
  check: string
  outcome: 'passed' | 'warning' | 'failed'
  detail: string
}

export interface Cell {
  name: string
  kind: 'shared' | 'dedicated'
  status: 'open' | 'draining' | 'retired'
  merchant_count: number
  move_count: number
  reachable: boolean
  checked_at: string | null
  findings: Finding[] | null
}

export interface Merchant {
  id: string
  slug: string
  name: string
  status: string
  cell: string
  url: string
}

export interface Move {
  id: string
  merchant_id: string
  merchant_slug: string
  from_cell: string
  to_cell: string
  state: string
  direction: 'forward' | 'back'
  requested_at: string
  state_since: string
  watch_until: string | null
  failure: string | null
  figures: Record<string, unknown>
  lost_cell: string | null
  left_behind: { kind: 'subscription' | 'slot' | 'publication' | 'rows'; name: string; removal: string }[]
}

export interface Admin {
  id: string
  email: string
  role: string
  has_password: boolean
  disabled_at: string | null
}

export interface AdminToken {
  /** Null where it was only tried. */
  token: string | null
  expires_at: string
}

export interface Worker {
  cell: string
  process: string
  beat_at: string
}

/** Something that is done with a merchant as a whole. */
export interface MerchantWork {
  id: string
  kind: 'export' | 'restore' | 'sandbox' | 'erasure'
  merchant_id: string
  archive_id: string | null
  state: 'queued' | 'running' | 'done' | 'failed'
  rows_done: number
  rows_total: number | null
  failure: string | null
  requested_at: string
  finished_at: string | null
}

export interface Archive {
  id: string
  merchant_id: string
  slug: string
  name: string
  made_at: string
  bytes: number
  sha256: string
  rows: Record<string, number>
  media_files: number
}

export interface Certificate {
  id: string
  slug: string
  reason: string
  requested_at: string
  erased_at: string
  rows: Record<string, number>
  jobs: number
  media_files: number
  domains: number
  usage_days: number
  archives: { erased: number; kept: string[] }
  sandboxes: string[]
  cells_checked: string[]
  digest: string
  audit_sequence: number
  intact: boolean
}
