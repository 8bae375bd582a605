import { crashAt } from '../../crash-point.ts'
import { Mover } from '../mover.ts'

// A mover in a process of its own, to be killed at a crash point. What it has to know comes as JSON in its only argument.
const { directoryUrl, addresses, crash } = JSON.parse(process.argv[2]!)
crashAt(crash, process.pid)
const say = (facts: object, message: string) => console.log(message, JSON.stringify(facts))
new Mover({ directoryUrl, cells: () => addresses, log: { info: say, warn: say }, limits: { workShare: 1 } }).start()
