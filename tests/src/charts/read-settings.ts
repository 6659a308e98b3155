// Run as a process of its own, whose environment is that of one container: reads the settings with
// the reader that the container's program uses, and prints the names of all that it knows.
const [file = '', reader = ''] = process.argv.slice(2)
const module: Record<string, (env: NodeJS.ProcessEnv) => object> = await import(file)
const read = module[reader]
if (read === undefined) throw new Error(`${file} has no ${reader}`)
console.log(JSON.stringify(Object.keys(read(process.env))))

export {}
