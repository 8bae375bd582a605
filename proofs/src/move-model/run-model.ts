import { type Exploration, explore } from './explore.ts'
import { exploreWithout, LARGE, MISSED } from './guards.ts'
import { moveModel } from './move-model.ts'
import { GUARDS } from './protocol.ts'

/** Every state of the large model, and every guard taken away. Prints what came of it; answers whether all is as it must be. */
export function runModel(): boolean {
  const whole = explore(moveModel(LARGE))
  tell('all guards in place', whole)
  const missed = GUARDS.filter((guard) => {
    const explored = exploreWithout(guard)
    tell(`without "${guard}"`, explored)
    return explored.violation?.broken === MISSED[guard]
  })
  console.log(`${missed.length} of ${GUARDS.length} guards are missed when they are taken away.`)
  return whole.complete && whole.violation === undefined && missed.length === GUARDS.length
}

function tell(what: string, { states, transitions, resting, violation }: Exploration): void {
  const end =
    violation === undefined ? `nothing is broken, ${resting} states of rest` : `${violation.broken}, after ${violation.steps.length} steps`
  console.log(`${what}: ${states} states, ${transitions} transitions: ${end}.`)
}
