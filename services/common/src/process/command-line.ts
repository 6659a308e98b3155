import { type ParseArgsConfig, parseArgs } from 'node:util'

type Options = NonNullable<ParseArgsConfig['options']>

interface CommandLine<T extends Options> {
  /** What --help prints. */
  help: string
  options?: T
  /** How many words it takes besides its options. */
  wordsMax?: number
  args?: string[]
}

/**
 * Reads the arguments of a command that people call. It ends the process for --help (usage on
 * stdout, code 0) and for a mistake (a line on stderr, code 2).
 */
export function readCommandLine<const T extends Options = Record<never, never>>(
  command: CommandLine<T>,
) {
  const { help, options, wordsMax = 0, args = process.argv.slice(2) } = command
  if (args.includes('--help') || args.includes('-h')) {
    console.log(help)
    process.exit(0)
  }
  try {
    const parsed = parseArgs<{ args: string[]; options: T; allowPositionals: true }>({
      args,
      options: options ?? ({} as T),
      allowPositionals: true,
    })
    const surplus = parsed.positionals[wordsMax]
    if (surplus !== undefined) refuse(`Unexpected argument '${surplus}'`)
    return parsed
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
}

/** Ends a command because of how it was called: with the first sentence of the problem. */
export function refuse(problem: string): never {
  const [sentence = ''] = problem.split(/\.\s|\.$|\n/)
  console.error(`${sentence}. --help shows the usage.`)
  process.exit(2)
}
