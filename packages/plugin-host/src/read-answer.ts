import { OUTPUT_DEPTH_MAX } from './sandbox/limits.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPENING = [0x5b, 0x7b]
const CLOSING = [0x5d, 0x7d]

/** What a plugin answered, or undefined when it is nested deeper than any answer is: whoever reads it recursively would overflow. */
export function readAnswer(json: string): { output: unknown } | undefined {
  return depthOf(json) > OUTPUT_DEPTH_MAX ? undefined : { output: JSON.parse(json) }
}

function depthOf(json: string): number {
  let depth = 0
  let deepest = 0
  let isText = false
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at)
    if (isText) {
      if (code === BACKSLASH) at++
      else if (code === QUOTE) isText = false
    } else if (code === QUOTE) isText = true
    else if (OPENING.includes(code)) deepest = Math.max(deepest, ++depth)
    else if (CLOSING.includes(code)) depth--
  }
  return deepest
}
