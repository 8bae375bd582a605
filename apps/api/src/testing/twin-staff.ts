import type { Values } from './valid-requests.ts'

/** Somebody who was invited and has not come yet. */
export async function addMember(
  // biome-ignore lint/suspicious/noExplicitAny: answers are taken apart by tests
  staff: (url: string, payload: object) => Promise<any>,
  { name, canary }: { name: string; canary: string },
): Promise<Values> {
  const member = await staff('/v1/admin/staff', { email: `${canary}-${name}@staff.example`, name: `${canary} Grace`, role: 'warehouse' })
  return { staff_id: member.id, password_token: member.invitation.token }
}
