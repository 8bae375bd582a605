import { PRELUDE_CALLS } from './prelude-calls.ts'
import { PRELUDE_GUARDS } from './prelude-guards.ts'
import { PRELUDE_LOCK } from './prelude-lock.ts'

/** The trusted script that runs first in every isolate. Its value is the function by which the runner asks the plugin. */
export const PRELUDE = `(function () {\n'use strict'\n${PRELUDE_LOCK}${PRELUDE_GUARDS}${PRELUDE_CALLS}})()`
