import autocannon from 'autocannon'

export interface Rate {
  /** Completed per second. */
  perSecond: number
  p50Ms: number
  p99Ms: number
  completed: number
}

/** Fires one HTTP request over and over from so many connections. Fails when any answer is not a 2xx. */
export async function fireRequests(options: {
  url: string
  connections: number
  seconds: number
  setupClient?: (client: autocannon.Client) => void
  headers?: Record<string, string>
}): Promise<Rate> {
  const result = await autocannon({
    url: options.url,
    connections: options.connections,
    duration: options.seconds,
    ...(options.headers && { headers: options.headers }),
    ...(options.setupClient && { setupClient: options.setupClient }),
  })
  if (result.non2xx > 0 || result.errors > 0 || result.timeouts > 0) {
    throw new Error(`${options.url}: ${result.non2xx} answers were not 2xx, ${result.errors} errors, ${result.timeouts} timeouts`)
  }
  return { perSecond: result.requests.average, p50Ms: result.latency.p50, p99Ms: result.latency.p99, completed: result['2xx'] }
}

/** Repeats `work` from so many workers at once for some seconds; each waits for its own answer before the next. */
export async function repeat(workers: number, seconds: number, work: (worker: number) => Promise<void>): Promise<Rate> {
  const latencies: number[] = []
  const started = performance.now()
  const end = started + seconds * 1000
  await Promise.all(
    Array.from({ length: workers }, async (_, worker) => {
      while (performance.now() < end) {
        const before = performance.now()
        await work(worker)
        latencies.push(performance.now() - before)
      }
    }),
  )
  const elapsed = (performance.now() - started) / 1000
  latencies.sort((a, b) => a - b)
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0
  return { perSecond: latencies.length / elapsed, p50Ms: at(0.5), p99Ms: at(0.99), completed: latencies.length }
}
