/** Who did it, as written on events and movements. */
export type Actor =
  | { kind: 'buyer' }
  | { kind: 'staff'; id: string }
  | { kind: 'api_key'; id: string }
  | { kind: 'platform'; id: string }
  | { kind: 'job'; task: string }
