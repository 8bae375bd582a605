import type { StaffMemberView } from '@souk/core/merchant/manage-staff.ts'
import { STAFF_ROLES } from '@souk/core/merchant/scopes.ts'
import type { PasswordToken } from '@souk/core/merchant/staff-password.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { emailSchema, proseSchema, textSchema } from './text.ts'
import { timeSchema } from './time.ts'

const NAME_LENGTH_MAX = 100
const REASON_BYTES_MAX = 1_000

export const roleSchema = z.enum(STAFF_ROLES).meta({ id: 'StaffRole', description: 'What each may do: docs/staff-and-roles.md.' })

export const newMemberSchema = z.strictObject({ email: emailSchema, name: textSchema(NAME_LENGTH_MAX), role: roleSchema })

export const memberChangesSchema = z.strictObject({
  name: textSchema(NAME_LENGTH_MAX).optional(),
  role: roleSchema.optional(),
  disabled: z.boolean().optional().meta({ description: 'Who is disabled cannot sign in, and their tokens are void.' }),
  reason: proseSchema(REASON_BYTES_MAX).optional(),
})

export const memberSchema = z
  .strictObject({
    id: idSchema,
    email: z.string(),
    name: z.string(),
    role: roleSchema,
    has_password: z.boolean().meta({ description: 'Whether they have set one since they were invited, or since it was reset.' }),
    disabled_at: timeSchema.nullable(),
    created_at: timeSchema,
  })
  .meta({ id: 'StaffMember' })

export const passwordTokenSchema = z
  .strictObject({
    token: z.string().meta({ description: 'Shown once. Whoever has it sets the password at `POST /v1/admin/password`.' }),
    expires_at: timeSchema,
  })
  .meta({ id: 'PasswordToken' })

export const invitedSchema = memberSchema.extend({ invitation: passwordTokenSchema }).meta({ id: 'InvitedStaffMember' })

export function presentMember(member: StaffMemberView): z.input<typeof memberSchema> {
  const { id, email, name, role, hasPassword, disabledAt, createdAt } = member
  return {
    id,
    email,
    name,
    role,
    has_password: hasPassword,
    disabled_at: disabledAt?.toISOString() ?? null,
    created_at: createdAt.toISOString(),
  }
}

export function presentPasswordToken({ token, expiresAt }: PasswordToken): z.input<typeof passwordTokenSchema> {
  return { token, expires_at: expiresAt.toISOString() }
}
