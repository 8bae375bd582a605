import { parentPort } from 'node:worker_threads'

// Ends as soon as it is asked something.
parentPort!.on('message', () => process.exit(1))
