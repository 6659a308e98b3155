import { readCommandLine, refuse } from '@auction/common/process/command-line.ts'
import { createClient } from '#src/api-client.ts'
import { attack } from './attack.ts'
import { createCast, readHeaderNames, renew, tracesOf } from './cast.ts'
import type { Target } from './forgeries.ts'
import { readDirect, readInstallation } from './installation.ts'

const HELP = `npm run gateway -w tests -- --url URL [--ca FILE] [--direct SERVICE=URL]…
                      [--plain-errors] [--count N] [--seed N]

Tries to be taken for another user, through the gateway of an installation and straight at its
services. Registers three users and leaves them, a lot and drafts behind. GATEWAY_URL, GATEWAY_CA,
SERVICE_URLS and GATEWAY_ERROR_BODIES=false do the same as the options. --plain-errors: the gateway runs without the plugin
that writes error bodies.`

const { values } = readCommandLine({
  help: HELP,
  options: {
    url: { type: 'string' },
    ca: { type: 'string' },
    direct: { type: 'string', multiple: true, default: [] },
    'plain-errors': { type: 'boolean', default: false },
    count: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '20261123' },
  },
})
const installation = readInstallation({
  ...process.env,
  ...(values.url === undefined ? {} : { GATEWAY_URL: values.url }),
  ...(values.ca === undefined ? {} : { GATEWAY_CA: values.ca }),
  ...(values['plain-errors'] ? { GATEWAY_ERROR_BODIES: 'false' } : {}),
})
const count = Number(values.count)
const seed = Number(values.seed)
if (installation === undefined) refuse('--url or GATEWAY_URL names the installation')
if (!(count > 0) || !Number.isInteger(seed)) refuse('--count and --seed take whole numbers')

const { url, ca, hasErrorBodies = true } = installation
const trust = ca === undefined ? {} : { ca }
const client = createClient({ baseUrl: url, ...trust })
const cast = await createCast(client, await readHeaderNames())
const before = JSON.stringify(await tracesOf(client, cast))
await assault('the gateway', url, () => true)
for (const [service, address] of [...installation.direct, ...readDirect(values.direct)]) {
  await assault(service, address, (target) => target.service === service)
}
if (JSON.stringify(await tracesOf(client, cast)) !== before) {
  console.log('NOT OK: something was done in the name of the victim')
  process.exitCode = 1
}
client.close()

async function assault(name: string, address: string, isMeant: (target: Target) => boolean) {
  const renewed = await renew(client, cast)
  const targets = renewed.targets.filter(isMeant)
  if (targets.length === 0) throw new Error(`nothing is known to ask of ${name}`)
  const whom = { url: address, ...trust, cast: { ...renewed, targets } }
  const options = { ...whom, seed, count, hasErrorBodies }
  const { variants, verdicts, tookMs, postponed, findings } = await attack(options)
  console.log(`${name}: ${variants} variants in ${Math.round(tookMs / 1000)} s`)
  for (const [verdict, number] of Object.entries(verdicts)) console.log(`  ${verdict}: ${number}`)
  console.log(`  sent again because a 503 asked for it: ${postponed}`)
  // The bytes may hold a token, so only what was tried is shown.
  for (const { verdict, how, target, status } of findings) {
    console.log(`  NOT OK: ${verdict} (${status}) on ${target}: ${how}`)
  }
  if (findings.length > 0) process.exitCode = 1
}
