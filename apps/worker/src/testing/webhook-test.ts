import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { recordEvents } from '@souk/core/events/record-many.ts'
import { newId } from '@souk/core/ids.ts'
import { SecretBox } from '@souk/core/secret-box.ts'
import type { TestMerchant } from '@souk/core/testing/merchant.ts'
import { createEndpoint, type EndpointFields, type WebhookDeps } from '@souk/core/webhooks/change-endpoints.ts'
import { WEBHOOK_SECRETS_PURPOSE } from '@souk/core/webhooks/secrets.ts'
import { checkInvariantsAtRest, type Violation } from '@souk/migrations/invariants.ts'
import type { PlanLimits } from '@souk/platform/plans/limits.ts'
import { Webhook } from 'standardwebhooks'
import { startWebhooks } from '../webhooks.ts'
import { QueueTest } from './queue-test.ts'
import type { Manner, Received } from './webhook-receiver.ts'

const BY = { actor: { kind: 'job', task: 'test' }, now: new Date(), reason: '' } as const

/** Merchants, a worker that delivers, and a receiver in a process of its own. */
export class WebhookTest {
  readonly queue: QueueTest
  readonly deps: WebhookDeps
  /** What came of each attempt, as the metrics count it. */
  readonly outcomes: string[] = []
  readonly #receiver: ChildProcess
  readonly #address: string
  readonly #delivering: ReturnType<typeof startWebhooks>

  /** `random` decides how long retries wait: 0 is not at all. */
  static async create(random: () => number = () => 0): Promise<WebhookTest> {
    const queue = await QueueTest.create()
    const receiver = spawn(process.execPath, [fileURLToPath(new URL('webhook-receiver.ts', import.meta.url))], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [told] = (await once(receiver.stdout!, 'data')) as [Buffer]
    return new WebhookTest(queue, receiver, Number(/(\d+)\s*$/.exec(told.toString())![1]), random)
  }

  private constructor(queue: QueueTest, receiver: ChildProcess, port: number, random: () => number) {
    this.queue = queue
    this.#receiver = receiver
    this.#address = `http://127.0.0.1:${port}`
    this.queue.config.webhookHosts['hooks.example'] = this.#address
    this.deps = { box: new SecretBox(queue.shop.keys, WEBHOOK_SECRETS_PURPOSE), urlFault: async () => undefined }
    this.#delivering = startWebhooks(queue.config, random, (outcome) => this.outcomes.push(outcome))
  }

  /** A worker in this process, for which all plans say this. */
  startWorker(limits: PlanLimits = {}) {
    return this.queue.start({}, { webhooks: this.#delivering.workAtPace(() => limits) })
  }

  /** An endpoint at a path of the receiver. */
  async endpoint(merchant: TestMerchant, path: string, fields: Partial<EndpointFields> = {}): Promise<{ id: string; secret: string }> {
    const url = `https://hooks.example${path}`
    const whole = { url, description: '', eventTypes: ['*'], headers: {}, enabled: true, ...fields }
    const { endpoint, secret } = await merchant.inMerchant((tx) => createEndpoint(tx, this.deps, whole, BY))
    return { id: endpoint.id, secret }
  }

  /** Events in one transaction; answers the ids of what they are about. */
  async happen(
    merchant: TestMerchant,
    count: number,
    given: { aggregates?: string[]; type?: string; note?: string } = {},
  ): Promise<string[]> {
    const { aggregates = Array.from({ length: count }, () => newId()), type = 'thing.happened', note = '' } = given
    const events = Array.from({ length: count }, (_, index) => {
      const aggregateId = aggregates[index % aggregates.length]!
      return { type, aggregateType: 'thing', aggregateId, data: { step: index, note } }
    })
    await merchant.inMerchant((tx) => recordEvents(tx, events, BY))
    return aggregates
  }

  async behave(manners: Record<string, Manner>): Promise<void> {
    await fetch(`${this.#address}/control`, { method: 'POST', body: JSON.stringify(manners) })
  }

  async received(path: string): Promise<Received[]> {
    const all = (await (await fetch(`${this.#address}/log`)).json()) as Received[]
    return all.filter((one) => one.path === path)
  }

  /** What was taken, each message once, in the order in which it came first. */
  async taken(path: string): Promise<{ id: string; sequence: number; type: string; aggregateId: string }[]> {
    const messages = new Map<string, { id: string; sequence: number; type: string; aggregateId: string }>()
    for (const { headers, body, status } of await this.received(path)) {
      const { sequence, type, subject } = JSON.parse(body)
      const id = headers['webhook-id']!
      if (status < 300 && !messages.has(id)) messages.set(id, { id, sequence, type, aggregateId: subject.id })
    }
    return [...messages.values()]
  }

  /** Everything that was sent there, verified by the library that others wrote; one id has one body. */
  async verified(path: string, secret: string): Promise<number> {
    const bodies = new Map<string, string>()
    const received = await this.received(path)
    for (const { headers, body } of received) {
      new Webhook(secret).verify(body, headers)
      const id = headers['webhook-id']!
      if ((bodies.get(id) ?? body) !== body) throw new Error(`${id} was sent with two bodies`)
      bodies.set(id, body)
    }
    return received.length
  }

  /** Deliveries of an endpoint by status. */
  async states(endpointId: string): Promise<Record<string, number>> {
    const rows = await this.queue.admin<{ status: string; count: number }>(
      'select status, count(*)::int as count from webhook_delivery where endpoint_id = $1 group by status',
      [endpointId],
    )
    return Object.fromEntries(rows.map(({ status, count }) => [status, count]))
  }

  /** What is broken in the books of events and deliveries. Workers may be at work. */
  async broken(): Promise<Violation[]> {
    const broken = await checkInvariantsAtRest(this.queue.shop.database.adminUrl)
    return broken.filter(({ invariant }) => !invariant.startsWith('39_'))
  }

  async close(): Promise<void> {
    this.#receiver.kill('SIGKILL')
    await this.queue.close()
    this.#delivering.close()
  }
}
