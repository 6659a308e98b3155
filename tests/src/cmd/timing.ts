import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { readCommandLine } from '@auction/common/process/command-line.ts'
import { startPlatform } from '@auction/local/platform.ts'
import { removePostgresData } from '@auction/local/postgres.ts'
import { createClient } from '#src/api-client.ts'
import { joinByMail, PASSWORD } from '#src/people.ts'
import { compare, type Pair } from '#src/timing/compare.ts'

const HELP = `npm run timing -- [--samples N]

Do answers or their times reveal whether an address has an account? Sends requests with an address that
has one and requests with an address that has none, in turn, and compares bytes and times.`

const { values } = readCommandLine({
  help: HELP,
  options: {
    samples: { type: 'string', default: '2000' },
  },
})

const stateDir = mkdtempSync(joinPath(tmpdir(), 'auction-timing-'))
const platform = await startPlatform({
  stateDir,
  // One stranger guesses the password of one account, and every guess must be checked.
  env: {
    'identity-api': {
      TRIES_PER_ACCOUNT: '1000000',
      TRIES_PER_ADDRESS: '1000000',
      EMAIL_VERIFICATION: 'required',
    },
  },
})
// Straight to the service: a gateway in between would only add noise.
const client = createClient({ baseUrl: platform.addresses.get('identity-api') ?? '' })
let isFine = true
try {
  const { email } = await joinByMail(client, platform.mailbox, 'Known', 'known-00000')
  // As long as the known one, and as often the same: a stranger asks for one address after another.
  const unknown = 'other-00000@example.test'
  const WRONG = 'not the password of any account'
  const pairs: Pair[] = [
    {
      name: 'login, wrong password',
      path: '/identity/login',
      known: () => ({ email, password: WRONG }),
      unknown: () => ({ email: unknown, password: WRONG }),
    },
    {
      name: 'login, one character',
      path: '/identity/login',
      known: () => ({ email, password: 'x' }),
      unknown: () => ({ email: unknown, password: 'x' }),
    },
    {
      name: 'register',
      path: '/identity/register',
      known: () => ({ name: 'Known', email, password: PASSWORD }),
      unknown: () => ({ name: 'Known', email: unknown, password: PASSWORD }),
    },
    {
      name: 'password forgotten',
      path: '/identity/password/forgot',
      known: () => ({ email }),
      unknown: () => ({ email: unknown }),
    },
  ]
  for (const pair of pairs) {
    const result = await compare(client, pair, Number(values.samples))
    const { difference, noise, shapes } = result
    const isSame = shapes.length === 1 && difference <= noise
    isFine &&= isSame
    const percent = (share: number) => `${(share * 100).toFixed(1)} %`
    console.log(
      `${result.name.padEnd(24)} ${result.samples} samples, medians ${result.knownMs.toFixed(2)} and ${result.unknownMs.toFixed(2)} ms, ` +
        `difference ${percent(difference)}, noise ${percent(noise)}, KS p ${result.sameDistribution.toFixed(3)}, ` +
        `${shapes.length} kind of answer: ${isSame ? 'same' : 'DIFFERENT'}`,
    )
    if (shapes.length > 1) for (const shape of shapes) console.log(`  ${shape.slice(0, 400)}`)
  }
} finally {
  client.close()
  await platform.stop()
  removePostgresData(stateDir)
  rmSync(stateDir, { recursive: true, force: true })
}
process.exit(isFine ? 0 : 1)
