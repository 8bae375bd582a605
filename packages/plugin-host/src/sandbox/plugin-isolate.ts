import ivm from 'isolated-vm'
import {
  CALLS_PER_ISOLATE_MAX,
  EXTERNAL_BYTES_KEPT_MAX,
  HEAP_BYTES_KEPT_MAX,
  ISOLATE_AGE_MS_MAX,
  ISOLATE_MEMORY_MIB,
  LOAD_MS_MAX,
  LOG_LINE_BYTES_MAX,
} from './limits.ts'
import { PRELUDE } from './prelude.ts'

/** What stopped a plugin, as far as the isolate can tell. A closed list, whatever the plugin did. */
export type IsolateFailure = 'timeout' | 'memory' | 'threw' | 'output_too_large' | 'output_invalid' | 'refused' | 'unavailable'

/** `heapBytes`: in use when the call was over, rubbish included; 0 when the isolate is gone. */
export type IsolateAnswer = { cpuMs: number; wallMs: number; heapBytes: number; logs: string[] } & (
  | { ok: true; json: string }
  | { ok: false; reason: IsolateFailure; detail: string }
)

export interface HookCall {
  contract: string
  hook: string
  /** JSON. */
  input: string
  /** JSON. */
  configuration: string
  wallMs: number
  outputBytesMax: number
}

type Request =
  | { kind: 'load'; source: string }
  | { kind: 'hooks' }
  | { kind: 'call'; contract: string; hook: string; input: string; configuration: string; outputMax: number }

interface PreludeAnswer {
  ok?: true
  json?: string
  reason?: IsolateFailure
  detail?: string
  lines?: string[]
}

/** The kernel counts a thread's time by its ticks of 1 to 4 ms: below that, time on the clock is nearer to the truth. */
const COUNTED_MS_MIN = 8

// The prelude compiled once per process. Machine-made data of ours; none is ever accepted from outside.
let compiledPrelude: ivm.ExternalCopy<ArrayBuffer> | undefined

/**
 * One isolate with the prelude in it, and later one bundle. Nothing but strings and numbers passes its border, both ways inside an object:
 * a bare string of 1 KB or more stays charged to the isolate until a full collection. Calls are synchronous. They hold the process, which is
 * why this runs in a process of its own that a supervisor may kill.
 */
export class PluginIsolate {
  readonly #isolate: ivm.Isolate
  readonly #ask: ivm.Reference<(request: Request) => PreludeAnswer>
  readonly #bornAt = performance.now()
  #calls = 0
  #heapBytes = 0
  #externalBytes = 0
  #broken = false

  constructor() {
    this.#isolate = new ivm.Isolate({ memoryLimit: ISOLATE_MEMORY_MIB })
    const context = this.#isolate.createContextSync()
    const prelude = this.#isolate.compileScriptSync(
      PRELUDE,
      compiledPrelude === undefined ? { produceCachedData: true } : { cachedData: compiledPrelude },
    )
    // Its types leave out what produceCachedData adds.
    compiledPrelude ??= (prelude as { cachedData?: ivm.ExternalCopy<ArrayBuffer> }).cachedData
    this.#ask = prelude.runSync(context, { reference: true })
  }

  /** Compiles a bundle. None of its code runs yet. */
  load(source: string): IsolateAnswer {
    return this.#request({ kind: 'load', source }, LOAD_MS_MAX)
  }

  /** Evaluates the bundle and answers `[[contract, [hook, ...]], ...]` as JSON. */
  hooks(wallMs: number): IsolateAnswer {
    return this.#request({ kind: 'hooks' }, wallMs)
  }

  call({ wallMs, outputBytesMax, ...asked }: HookCall): IsolateAnswer {
    const answer = this.#request({ kind: 'call', ...asked, outputMax: outputBytesMax }, wallMs)
    if (!answer.ok || Buffer.byteLength(answer.json) <= outputBytesMax) return answer
    const { json: _, ...cost } = answer
    return { ...cost, ok: false, reason: 'output_too_large', detail: `an answer of over ${outputBytesMax} bytes` }
  }

  /** True when it should not serve again: it was stopped, is old, or keeps too much. */
  get isWorn(): boolean {
    if (this.#broken || this.#isolate.isDisposed) return true
    if (this.#calls >= CALLS_PER_ISOLATE_MAX || performance.now() - this.#bornAt > ISOLATE_AGE_MS_MAX) return true
    return this.#heapBytes > HEAP_BYTES_KEPT_MAX || this.#externalBytes > EXTERNAL_BYTES_KEPT_MAX
  }

  dispose(): void {
    if (!this.#isolate.isDisposed) this.#isolate.dispose()
  }

  #request(request: Request, wallMs: number): IsolateAnswer {
    this.#calls++
    // Of this thread. The isolate's own cpuTime is wall time where isolated-vm is built for Linux.
    const cpuBefore = process.threadCpuUsage()
    const begun = performance.now()
    const said = this.#apply(request, wallMs)
    const wall = performance.now() - begun
    const cpu = process.threadCpuUsage(cpuBefore)
    const cpuMs = wall < COUNTED_MS_MIN ? wall : (cpu.user + cpu.system) / 1_000
    this.#weigh()
    const cost = {
      heapBytes: this.#heapBytes,
      cpuMs,
      wallMs: wall,
      logs: (said.lines ?? []).map((line) => cutBytes(line, LOG_LINE_BYTES_MAX)),
    }
    if (said.ok) return { ok: true, json: said.json ?? '', ...cost }
    return { ok: false, reason: said.reason ?? 'threw', detail: said.detail ?? '', ...cost }
  }

  #weigh(): void {
    const weight = this.#isolate.isDisposed ? undefined : this.#isolate.getHeapStatisticsSync()
    this.#heapBytes = weight?.used_heap_size ?? 0
    this.#externalBytes = weight?.externally_allocated_size ?? 0
  }

  #apply(request: Request, timeout: number): PreludeAnswer {
    try {
      return this.#ask.applySync(undefined, [request], { arguments: { copy: true }, result: { copy: true }, timeout }) as PreludeAnswer
    } catch (error) {
      // The prelude lets nothing out, so this is the engine speaking: out of time, out of memory.
      this.#broken = true
      const words = error instanceof Error ? error.message : ''
      if (words.includes('timed out')) return { reason: 'timeout', detail: `it was stopped after ${timeout} ms` }
      if (words.includes('memory')) return { reason: 'memory', detail: `it wanted more than ${ISOLATE_MEMORY_MIB} MiB` }
      return { reason: 'threw', detail: 'it left the sandbox in a state that cannot be read' }
    }
  }
}

/** At most so many bytes of UTF-8, whole characters. */
function cutBytes(text: string, most: number): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= most) return text
  return bytes
    .subarray(0, most)
    .toString()
    .replace(/\uFFFD+$/, '')
}
