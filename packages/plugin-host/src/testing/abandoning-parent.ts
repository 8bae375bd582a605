import { findConfinement } from '../confinement.ts'
import { RunnerProcess } from '../runner-process.ts'
import { digestOf } from '../sandbox/source-gate.ts'

// Starts two runners, has one of them hang, tells their process ids, and waits to be killed.
//   node abandoning-parent.ts confined|bare

const file = new URL('../sandbox/runner.ts', import.meta.url)
const launcher = process.argv[2] === 'bare' ? [] : (await findConfinement(file)).launcher
const settings = { file, launcher, memoryBytesMax: 1_000_000_000, controlGroup: undefined }
const runners = [new RunnerProcess(settings), new RunnerProcess(settings)]
for (const runner of runners) await runner.ready

const source = `definePlugin({ contracts: { 'discount@1': { run() { while (true) {} } } } })`
const whose = { merchantId: 'merchant', digest: digestOf(source), configuration: 'null' }
const [hanging] = runners
await hanging!.ask({ type: 'load', ...whose, withSource: true }, source, 10_000)
const asked = { contract: 'discount@1', hook: 'run', wallMs: 60_000, outputBytesMax: 1_000, repeat: false }
void hanging!.ask({ type: 'call', ...whose, ...asked }, 'null', 120_000).catch(() => undefined)
setTimeout(() => process.send!(runners.map(({ pid }) => pid)), 300)
setInterval(() => undefined, 1_000)
