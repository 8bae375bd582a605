import type { MigrationFile } from '../files.ts'
import type { Finding } from './findings.ts'

interface HouseRule {
  name: string
  /** Matched at the beginning of a statement, in which bodies of functions, literals and comments are blank. */
  statement: RegExp
  message: string
}

/** What squawk has no rule for. Bodies of functions are another time's concern: only what the migration itself does counts. */
const RULES: HouseRule[] = [
  {
    name: 'ban-truncate',
    statement: /^truncate\b/i,
    message: 'TRUNCATE locks out readers, and takes away what the release before still reads.',
  },
  {
    name: 'ban-lock-table',
    statement: /^lock\b/i,
    message: 'A lock that a migration takes is held to its end; everybody else waits.',
  },
  {
    name: 'ban-rewrite',
    statement: /^(cluster|vacuum)\b|^alter\s+table\s[^;]*\bset\s+(un)?logged\b/i,
    message: 'The whole table is rewritten under a lock that not even readers pass.',
  },
  {
    name: 'ban-unbatched-write',
    statement: /^(update|delete\s+from|merge\s+into)\b/i,
    message: 'Rows of a large table are changed by a job, merchant by merchant; one statement holds all of them locked.',
  },
  {
    name: 'ban-drop-function',
    statement: /^drop\s+(function|procedure|routine|aggregate)\b/i,
    message: 'The release before may call it. Drop it in a contract.',
  },
  {
    name: 'ban-drop-view',
    statement: /^drop\s+(materialized\s+)?view\b/i,
    message: 'The release before may read it. Drop it in a contract.',
  },
  {
    name: 'ban-less-security',
    statement: /^drop\s+policy\b|^alter\s+table\s[^;]*\b(disable|no\s+force)\s+row\s+level\s+security\b/i,
    message: 'For as long as this holds, merchants see each other.',
  },
  {
    name: 'ban-cascade',
    statement: /^drop\s[^;]*\bcascade\b/i,
    message: 'CASCADE drops what this file does not name.',
  },
]

export function houseFindings(file: MigrationFile): Finding[] {
  return statementsOf(file.text).flatMap(({ text, line }) =>
    RULES.filter((rule) => rule.statement.test(text)).map((rule) => ({
      file: `${file.set}/${file.name}`,
      line,
      rule: rule.name,
      message: rule.message,
    })),
  )
}

// A body of a function, a literal, a quoted name, a comment: what is in them is no statement of this file.
const OPAQUE = /\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$|'(?:[^']|'')*'|"[^"]*"|--[^\n]*|\/\*[\s\S]*?\*\//g

/** Statements without their opaque parts, each with the line it begins on. */
function statementsOf(text: string): { text: string; line: number }[] {
  const plain = text.replace(OPAQUE, (part) => part.replace(/[^\n]/g, ' '))
  let offset = 0
  return plain.split(';').flatMap((part) => {
    const start = offset + (part.length - part.trimStart().length)
    offset += part.length + 1
    return part.trim() === '' ? [] : [{ text: part.trim(), line: plain.slice(0, start).split('\n').length }]
  })
}
