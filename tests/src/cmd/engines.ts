import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { readCommandLine, refuse } from '@auction/common/process/command-line.ts'
import { createClient } from '#src/api-client.ts'
import type { Engine } from '#src/engines/engine.ts'
import { startFirefox } from '#src/engines/firefox.ts'
import { logInAndBid } from '#src/engines/walk.ts'
import { startWebkit } from '#src/engines/webkit.ts'
import { withOwnPlatform } from '#src/own-platform.ts'

const HELP = `npm run engines -w tests [-- --only firefox] [--pictures FOLDER]

Logs in and bids in Firefox and in WebKit (WebKitGTK, which has the engine of Safari), on a platform of its own;
the tests of make test do so in Chromium. Missing browsers are installed. --pictures keeps each step as a picture.`

const ENGINES: Readonly<Record<string, (log: (line: string) => void) => Promise<Engine>>> = {
  firefox: startFirefox,
  webkit: startWebkit,
}

const { values } = readCommandLine({
  help: HELP,
  options: {
    only: { type: 'string', default: Object.keys(ENGINES).join() },
    pictures: { type: 'string' },
  },
})

const names = values.only.split(',')
const strange = names.filter((name) => !Object.hasOwn(ENGINES, name))
if (strange.length > 0) refuse(`There is no engine ${strange}; there are ${Object.keys(ENGINES)}`)

const log = (line: string) => console.log(`  ${line}`)
const failures = await withOwnPlatform({ name: 'engines', log }, async (platform) => {
  const client = createClient({ baseUrl: platform.gatewayUrl })
  const origin = platform.gatewayUrl.replace('127.0.0.1', 'localhost')
  let failed = 0
  try {
    for (const name of names) failed += (await walk(name, client, origin)) ? 0 : 1
  } finally {
    client.close()
  }
  return failed
})
process.exit(failures === 0 ? 0 : 1)

async function walk(
  name: string,
  client: ReturnType<typeof createClient>,
  origin: string,
): Promise<boolean> {
  const pictures = values.pictures === undefined ? undefined : join(values.pictures, name)
  if (pictures !== undefined) mkdirSync(pictures, { recursive: true })
  let title = name
  try {
    const engine = await ENGINES[name]?.(log)
    if (engine === undefined) throw new Error('there is no such engine')
    title = engine.title
    try {
      await logInAndBid(engine, { client, origin, pictures })
    } finally {
      await engine.close()
    }
    console.log(`${title}: logged in, was refused, led, was outbid in the open page, and led again`)
    return true
  } catch (error) {
    console.log(`${title} FAILED: ${error instanceof Error ? error.message : String(error)}`)
    return false
  }
}
