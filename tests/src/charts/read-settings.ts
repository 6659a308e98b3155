import { readConfig } from '@auction/common/process/config.ts'

// Run as a process of its own, whose environment is that of one container: reads the settings as the
// container's program does, by its reader or its schema, and prints the names of all that it knows.
const [file = '', name = ''] = process.argv.slice(2)
const module: Record<string, unknown> = await import(file)
const read = module[name]
if (read === undefined) throw new Error(`${file} has no ${name}`)
const settings =
  typeof read === 'function'
    ? (read(process.env) as object)
    : readConfig(read as Parameters<typeof readConfig>[0], process.env)
console.log(JSON.stringify(Object.keys(settings)))
