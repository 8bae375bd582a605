/** Groups (all, any, not) inside each other, those of line conditions counted on from where they stand. */
export const RULE_DEPTH_MAX = 4
/** Conditions on the cart, and apart from them all line conditions together. */
export const RULE_LEAVES_MAX = 20
export const RULE_LINE_LEAVES_MAX = 20
/** Texts in one list. */
export const RULE_VALUES_MAX = 200
export const RULE_TEXT_GRAPHEMES_MAX = 255
/** Of the conditions as JSON text. */
export const RULE_BYTES_MAX = 64 * 1024
/** Values of any kind in the JSON. */
export const RULE_NODES_MAX = 10_000
/** Objects and arrays of the JSON inside each other; conditions of four levels need at most 14. */
export const RULE_JSON_DEPTH_MAX = 24
/** Faults named in one answer. */
export const RULE_FAULTS_MAX = 20
/** Every cart pays for every rule: in units of one plain comparison, about 5 ns. See cost.ts. */
export const RULE_COST_MAX = 50_000
/** The cart that costs are estimated for. */
export const COSTED_LINES = 200
export const PATTERN_CHARACTERS_MAX = 200
/** Instructions of the compiled pattern. */
export const PATTERN_PROGRAM_MAX = 500
export const PATTERN_REPEAT_MAX = 100
/** Open places of a pattern from where on its match may stand anywhere in the text: an automaton of some hundred states. */
export const PATTERN_CHOICES_MAX = 10
