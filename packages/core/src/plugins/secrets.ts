import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { Refusal } from '../refusal.ts'
import type { SecretBox } from '../secret-box.ts'
import { loadInstall } from './install.ts'

export const SECRETS_PURPOSE = 'souk plugin secrets'
const SECRETS_PER_INSTALL_MAX = 20

/** Keeps a secret for the requests of an installed plugin. The plugin itself never sees it, and no answer shows it. */
export async function setSecret(
  tx: Tx,
  box: SecretBox,
  { installId, name, value }: { installId: string; name: string; value: string },
  by: { actor: Actor; now: Date },
): Promise<void> {
  const install = await loadInstall(tx, installId)
  if (!install.secrets.includes(name) && install.secrets.length >= SECRETS_PER_INSTALL_MAX) {
    throw new Refusal('plugin_configuration_invalid', { detail: `A plugin has at most ${SECRETS_PER_INSTALL_MAX} secrets.` })
  }
  await Promise.all([
    tx.sql`
      insert into plugin_secret (merchant_id, install_id, name, sealed, updated_at)
      values (${tx.merchantId}, ${installId}, ${name}, ${box.seal(value, [tx.merchantId, installId, name])}, ${by.now})
      on conflict (merchant_id, install_id, name) do update set sealed = excluded.sealed, updated_at = excluded.updated_at`,
    auditSecret(tx, 'plugin_secret.set', installId, name, by),
  ])
}

/** Forgets a secret; one that is not there is `not_found`. */
export async function removeSecret(
  tx: Tx,
  { installId, name }: { installId: string; name: string },
  by: { actor: Actor; now: Date },
): Promise<void> {
  const removed = await tx.sql`
    delete from plugin_secret where merchant_id = ${tx.merchantId} and install_id = ${installId} and name = ${name} returning name`
  if (removed.length === 0) throw new Refusal('not_found', { detail: 'There is no such secret.' })
  await auditSecret(tx, 'plugin_secret.removed', installId, name, by)
}

/** Every secret of an installation in the clear: for the worker, at the moment of a request. */
export async function openSecrets(tx: Pick<Tx, 'merchantId' | 'sql'>, box: SecretBox, installId: string): Promise<Record<string, string>> {
  const rows = await tx.sql<{ name: string; sealed: string }[]>`
    select name, sealed from plugin_secret where merchant_id = ${tx.merchantId} and install_id = ${installId}`
  return Object.fromEntries(rows.map(({ name, sealed }) => [name, box.open(sealed, [tx.merchantId, installId, name])]))
}

function auditSecret(tx: Tx, action: string, installId: string, name: string, by: { actor: Actor; now: Date }) {
  return recordAudit(tx, { action, targetType: 'plugin_install', targetId: installId, before: null, after: { name }, reason: '', ...by })
}
