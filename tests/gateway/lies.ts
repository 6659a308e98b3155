import type { Random } from './random.ts'

/** A header that claims to be a user, and what it claims. */
export interface Claim {
  readonly name: string
  readonly value: string
}

/** What one lie adds to a request: lines after its own headers, or trailers behind its body. */
export interface Lie {
  readonly how: string
  readonly lines: readonly string[]
  readonly trailers?: readonly string[]
}

// Every character that a header's name may have beside letters and digits, and two that vanish.
const SEPARATORS = ['-', '_', '.', '~', '!', '+', '*', "'", '^', '`', '|', '#', '$', '%', '&', '']
const SPACES = [' ', '  ', '\t', ' \t', '\t\t ']

// Most names with another separator are refused at the door; the others get further.
const ODD = 0.25

/** The same name as some server behind might read it: other case, other separators. */
export function respell(name: string, random: Random): string {
  const style = random.pick(['as it is', 'lower', 'upper', 'mixed', 'mixed'] as const)
  const isOdd = random.chance(ODD)
  const respelt = [...name].map((character) => {
    if (character === '-') return isOdd ? random.pick(SEPARATORS) : '-'
    if (style === 'lower') return character.toLowerCase()
    if (style === 'upper') return character.toUpperCase()
    if (style === 'mixed' && random.chance(0.5)) return character.toUpperCase()
    return style === 'mixed' ? character.toLowerCase() : character
  })
  return respelt.join('')
}

type Trick = (claim: Claim, random: Random) => Omit<Lie, 'how'>

const TRICKS: Readonly<Record<string, Trick>> = {
  plain: ({ name, value }) => ({ lines: [`${name}: ${value}`] }),
  twice: ({ name, value }, random) => ({
    lines: [`${name}: ${value}`, `${respell(name, random)}: ${value}`],
  }),
  'many times': ({ name, value }) => ({ lines: Array(20).fill(`${name}: ${value}`) }),
  'behind an empty one': ({ name, value }) => ({ lines: [`${name}:`, `${name}: ${value}`] }),
  'in a list': ({ name, value }, random) => ({
    lines: [`${name}: ${random.pick([`no-one, ${value}`, `${value}, no-one`, `${value},`])}`],
  }),
  'with space around': ({ name, value }, random) => ({
    lines: [`${name}:${random.pick(SPACES)}${value}${random.pick(SPACES)}`],
  }),
  'with space before the colon': ({ name, value }, random) => ({
    lines: [`${name}${random.pick(SPACES)}: ${value}`],
  }),
  'with space before the name': ({ name, value }, random) => ({
    lines: [`${random.pick(SPACES)}${name}: ${value}`],
  }),
  'in a folded line': ({ name, value }, random) => ({
    lines: ['X-Harmless: a', `${random.pick(SPACES)}${name}: ${value}`],
  }),
  'with a folded value': ({ name, value }, random) => ({
    lines: [`${name}:`, `${random.pick(SPACES)}${value}`],
  }),
  'behind a bare line feed': ({ name, value }) => ({ lines: [`X-Harmless: a\n${name}: ${value}`] }),
  'behind a bare return': ({ name, value }) => ({ lines: [`X-Harmless: a\r${name}: ${value}`] }),
  'with a control in the name': ({ name, value }, random) => ({
    lines: [`${name}${random.pick(['\0', '\v', '\f', '\x7f', '\x01'])}: ${value}`],
  }),
  'with a letter beyond ASCII': ({ name, value }, random) => ({
    lines: [`${name}${random.pick(['\xa0', '\xad', '\xff'])}: ${value}`],
  }),
  'without a colon': ({ name, value }) => ({ lines: [`${name} ${value}`] }),
  'named by Connection': ({ name, value }, random) => ({
    lines: [`Connection: ${random.pick(['', 'close, ', 'close,'])}${name}`, `${name}: ${value}`],
  }),
  'named by Connection after it': ({ name, value }) => ({
    lines: [`${name}: ${value}`, `Connection: close, ${name}, Authorization`],
  }),
  'named by Keep-Alive': ({ name, value }) => ({
    lines: [`Proxy-Connection: ${name}`, `Keep-Alive: ${name}`, `${name}: ${value}`],
  }),
  'as a trailer': ({ name, value }) => ({
    lines: [`Trailer: ${name}`],
    trailers: [`${name}: ${value}`],
  }),
  'as an unannounced trailer': ({ name, value }) => ({
    lines: [],
    trailers: [`${name}: ${value}`],
  }),
  'as header and trailer': ({ name, value }) => ({
    lines: [`${name}: ${value}`, `Trailer: ${name}`, 'TE: trailers'],
    trailers: [`${name}: ${value}`],
  }),
}

const TRICK_NAMES: readonly string[] = Object.keys(TRICKS)

// Correct HTTP, so that it is the routes behind the parser that must not be fooled.
const CORRECT = [
  'plain',
  'twice',
  'many times',
  'behind an empty one',
  'in a list',
  'with space around',
  'named by Connection',
  'named by Connection after it',
  'named by Keep-Alive',
  'as a trailer',
  'as an unannounced trailer',
  'as header and trailer',
]

/** One claim, in a spelling and by a trick of the random's choice. */
export function tellLie(claim: Claim, random: Random): Lie {
  const how = random.pick(random.chance(0.6) ? CORRECT : TRICK_NAMES)
  const respelt = { ...claim, name: respell(claim.name, random) }
  const lie = TRICKS[how]?.(respelt, random) ?? { lines: [] }
  return { how: `${claim.name} ${how}`, ...lie }
}
