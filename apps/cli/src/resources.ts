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
}

export interface Worker {
  cell: string
  process: string
  beat_at: string
}
