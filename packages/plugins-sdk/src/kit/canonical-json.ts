/** JSON with the members of every object in alphabetical order: equal values have equal bytes, wherever they were stored. */
export function canonicalJson(value: unknown, indent?: number): string {
  return JSON.stringify(sorted(value), null, indent)
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  // Not by assignment: a member named __proto__ must stay a member.
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member)]))
}
