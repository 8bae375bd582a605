import type { PasswordToken } from '@souk/core/merchant/staff-password.ts'
import type { AdminView } from '@souk/platform/admin-accounts.ts'
import { ADMIN_ROLES, PLATFORM_SCOPES } from '@souk/platform/admin-roles.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { timeSchema } from './time.ts'

export const adminRoleSchema = z.enum(ADMIN_ROLES).meta({ id: 'AdminRole', description: 'What each may do: docs/admins.md.' })

export const adminSchema = z
  .strictObject({
    id: idSchema,
    email: z.string(),
    role: adminRoleSchema,
    has_password: z.boolean().meta({ description: 'Whether they have set one since they were invited, or since it was reset.' }),
    disabled_at: timeSchema.nullable(),
    created_at: timeSchema,
  })
  .meta({ id: 'Admin' })

export const adminSelfSchema = adminSchema.extend({ scopes: z.array(z.enum(PLATFORM_SCOPES)) }).meta({ id: 'AdminSelf' })

export const adminTokenSchema = z
  .strictObject({
    token: z
      .string()
      .nullable()
      .meta({ description: 'Shown once, and not by a dry run. Whoever has it sets the password at `POST /v1/password`.' }),
    expires_at: timeSchema,
  })
  .meta({ id: 'AdminPasswordToken' })

export const invitedAdminSchema = adminSchema.extend({ invitation: adminTokenSchema }).meta({ id: 'InvitedAdmin' })

export function presentAdmin({ id, email, role, hasPassword, disabledAt, createdAt }: AdminView): z.input<typeof adminSchema> {
  return {
    id,
    email,
    role,
    has_password: hasPassword,
    disabled_at: disabledAt?.toISOString() ?? null,
    created_at: createdAt.toISOString(),
  }
}

/** A token of a dry run opens nothing, and is not shown. */
export function presentAdminToken({ token, expiresAt }: PasswordToken, dryRun: boolean): z.input<typeof adminTokenSchema> {
  return { token: dryRun ? null : token, expires_at: expiresAt.toISOString() }
}
