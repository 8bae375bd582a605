import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Actor } from '../actor.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { testManifest, testPluginPort } from '../testing/plugin-port.ts'
import { changeInstall, promoteCandidate, rollBack, uninstallPlugin } from './change-install.ts'
import { installsOf, loadInstall, toInstall } from './install.ts'
import { installPlugin } from './install-plugin.ts'
import { installsQuery, releaseFor, toInstalls } from './installs-in-force.ts'
import { pushRelease } from './releases.ts'
import { answerTrouble } from './trouble.ts'

const now = new Date('2026-11-01T10:00:00Z')
const actor: Actor = { kind: 'staff', id: '00000000-0000-7000-8000-000000000001' }
const by = { actor, now }

let shop: TestShop
beforeAll(async () => {
  shop = await createTestShop()
})
afterAll(() => shop.close())

/** A merchant with 1.0.0 installed as `range`, and 1.1.0 or others pushed by the test. */
async function withInstall(range = '^1') {
  const merchant = await shop.addMerchant()
  const port = testPluginPort()
  const push = (version: string, bundle = version) =>
    pushRelease(merchant.inMerchant, port, { manifest: testManifest(version), bundle }, by)
  await push('1.0.0')
  const install = await installPlugin(merchant.inMerchant, port, { plugin: 'volume-tiers', versionRange: range, configuration: {} }, by)
  const reload = () => merchant.inMerchant.read((tx) => loadInstall(tx, install.id))
  return { ...merchant, port, push, install, reload }
}

async function revision({ inMerchant }: Pick<TestMerchant, 'inMerchant'>): Promise<bigint> {
  const [row] = await inMerchant.read(
    (tx) => tx.sql<{ revision: bigint }[]>`
      select pricing_revision as revision from merchant_settings where merchant_id = ${tx.merchantId}`,
  )
  return row!.revision
}

describe('a release', () => {
  it('that cannot run is refused, and one that nobody had time to look at may be pushed again', async () => {
    const { push, inMerchant } = await withInstall()
    await expect(push('1.1.0', 'broken')).rejects.toMatchObject({ code: 'plugin_invalid' })
    await expect(push('1.1.0', 'not looked at')).rejects.toMatchObject({ code: 'plugins_busy' })
    const kept = await inMerchant.read((tx) => tx.sql`select version from plugin_release where merchant_id = ${tx.merchantId}`)
    expect(kept).toEqual([{ version: '1.0.0' }])
  })

  it('that is pushed again is the same one', async () => {
    const { push } = await withInstall()
    expect((await push('1.0.0')).id).toBe((await push('1.0.0')).id)
  })

  it('is refused with another content under the same version', async () => {
    const { push } = await withInstall()
    await expect(push('1.0.0', 'other')).rejects.toMatchObject({ code: 'duplicate' })
  })

  it('that does not load is refused with the reason', async () => {
    const { push } = await withInstall()
    await expect(push('1.1.0', 'broken')).rejects.toMatchObject({
      code: 'plugin_invalid',
      details: { errors: [expect.objectContaining({ pointer: '/bundle' })] },
    })
  })
})

describe('an installation', () => {
  it('takes the newest release of its range and bumps the pricing revision', async () => {
    const shopWithTwo = await shop.addMerchant()
    const port = testPluginPort()
    for (const version of ['1.0.0', '1.10.0', '1.9.0', '2.0.0']) {
      await pushRelease(shopWithTwo.inMerchant, port, { manifest: testManifest(version), bundle: version }, by)
    }
    const before = await revision(shopWithTwo)
    const given = { plugin: 'volume-tiers', versionRange: '^1', configuration: {} }
    expect((await installPlugin(shopWithTwo.inMerchant, port, given, by)).release.version).toBe('1.10.0')
    expect(await revision(shopWithTwo)).toBeGreaterThan(before)
  })

  it('follows a release within its range, remembering the one before as good', async () => {
    const { push, reload } = await withInstall('^1')
    await push('1.1.0')
    expect(await reload()).toMatchObject({ release: { version: '1.1.0' }, lastGood: { version: '1.0.0' } })
  })

  it('that is pinned stays where it is', async () => {
    const { push, reload } = await withInstall('1.0.0')
    await push('1.1.0')
    expect((await reload()).release.version).toBe('1.0.0')
  })

  it('is made once per plugin, and refuses what is not there', async () => {
    const { inMerchant, port } = await withInstall()
    const install = (plugin: string, versionRange: string, configuration = {}) =>
      installPlugin(inMerchant, port, { plugin, versionRange, configuration }, by)
    await expect(install('volume-tiers', '^1')).rejects.toMatchObject({ code: 'duplicate' })
    await expect(install('volume-tiers', '^7')).rejects.toMatchObject({ code: 'not_found' })
    await expect(install('volume-tiers', 'newest')).rejects.toMatchObject({ code: 'plugin_configuration_invalid' })
    await expect(install('volume-tiers', '^1', { bad: true })).rejects.toMatchObject({
      details: { errors: [expect.objectContaining({ pointer: '/configuration/bad' })] },
    })
  })

  it('is made once when ten try at the same moment', async () => {
    const merchant = await shop.addMerchant()
    const port = testPluginPort()
    await pushRelease(merchant.inMerchant, port, { manifest: testManifest('1.0.0'), bundle: 'a' }, by)
    const given = { plugin: 'volume-tiers', versionRange: '^1', configuration: {} }
    const made = await Promise.allSettled(Array.from({ length: 10 }, () => installPlugin(merchant.inMerchant, port, given, by)))
    expect(made.filter((one) => one.status === 'fulfilled')).toHaveLength(1)
  })

  it('refuses a point that its manifest does not offer', async () => {
    const { inMerchant, port, install } = await withInstall()
    const changed = changeInstall(inMerchant, port, install.id, { providers: [{ point: 'tax' }] }, by)
    await expect(changed).rejects.toMatchObject({ details: { errors: [{ pointer: '/providers/0/point', code: 'not_offered' }] } })
  })

  it('gives a new version to a share of buyers, always the same ones, then to all', async () => {
    const { inMerchant, port, push, install, reload } = await withInstall('1.0.0')
    await push('1.1.0')
    await changeInstall(inMerchant, port, install.id, { versionRange: '1.1.0', rolloutPpm: 250_000n }, by)
    const [served] = toInstalls((await inMerchant.readOnce((tx) => [installsQuery(tx)]))[0]!)
    const draws = Array.from({ length: 4_000 }, (_, buyer) => releaseFor(served!, `buyer-${buyer}`).version)
    expect(draws).toEqual(Array.from({ length: 4_000 }, (_, buyer) => releaseFor(served!, `buyer-${buyer}`).version))
    const share = draws.filter((version) => version === '1.1.0').length / draws.length
    expect(share).toBeGreaterThan(0.2)
    expect(share).toBeLessThan(0.3)
    await promoteCandidate(inMerchant, install.id, by)
    expect(await reload()).toMatchObject({ release: { version: '1.1.0' }, candidate: null, lastGood: { version: '1.0.0' } })
  })

  it('goes back to the version before and stays there', async () => {
    const { inMerchant, push, install, reload } = await withInstall('^1')
    await push('1.1.0')
    await rollBack(inMerchant, install.id, by)
    await push('1.2.0')
    expect(await reload()).toMatchObject({ release: { version: '1.0.0' }, failed: { version: '1.1.0' }, versionRange: '1.0.0' })
    await expect(rollBack(inMerchant, install.id, by)).rejects.toMatchObject({ code: 'invalid_state' })
  })

  it('that is disabled takes no part, and when it is gone leaves an audit trail', async () => {
    const { inMerchant, port, install } = await withInstall()
    const later = (ms: number) => ({ actor, now: new Date(now.getTime() + ms) })
    await changeInstall(inMerchant, port, install.id, { state: 'disabled' }, later(1))
    expect(toInstalls((await inMerchant.readOnce((tx) => [installsQuery(tx)]))[0]!)).toEqual([])
    await uninstallPlugin(inMerchant, install.id, later(2))
    const [rows, audit] = await inMerchant.readOnce((tx) => [
      installsOf(tx),
      tx.sql`select action from audit_entry where merchant_id = ${tx.merchantId} order by id`,
    ])
    expect(rows!.map(toInstall)).toEqual([])
    expect(audit!.map((row) => row.action)).toEqual(['plugin.installed', 'plugin.changed', 'plugin.uninstalled'])
  })
})

describe('a release that keeps failing', () => {
  it('gives way to the last good one, once, however many notice', async () => {
    const { inMerchant, push, install, reload } = await withInstall('^1')
    const failing = await push('1.1.0')
    const trouble = { installId: install.id, releaseId: failing.id, reason: 'timeout: it looped' }
    await Promise.all(Array.from({ length: 8 }, () => answerTrouble(inMerchant, trouble, now)))
    expect(await reload()).toMatchObject({
      state: 'active',
      release: { version: '1.0.0' },
      failed: { version: '1.1.0' },
      note: 'timeout: it looped',
      version: 3n,
    })
  })

  it('that was being rolled out is given up', async () => {
    const { inMerchant, port, push, install, reload } = await withInstall('1.0.0')
    const candidate = await push('1.1.0')
    await changeInstall(inMerchant, port, install.id, { versionRange: '1.1.0', rolloutPpm: 100_000n }, by)
    await answerTrouble(inMerchant, { installId: install.id, releaseId: candidate.id, reason: 'threw' }, now)
    expect(await reload()).toMatchObject({ release: { version: '1.0.0' }, candidate: null, failed: { version: '1.1.0' } })
  })

  it('with nothing to go back to stays while it only fails', async () => {
    const { inMerchant, install, reload } = await withInstall()
    await answerTrouble(inMerchant, { installId: install.id, releaseId: install.release.id, reason: 'threw' }, now)
    expect(await reload()).toMatchObject({ state: 'active', failed: null })
  })
})
