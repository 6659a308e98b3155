import { createDatabase } from '@auction/common/postgres/database.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import { readCommandLine } from '@auction/common/process/command-line.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { createSecretBox, type SecretBox } from '@auction/common/secret-box.ts'
import type { Kysely } from 'kysely'
import { resealSecrets } from '#src/app/keys/reseal-secrets.ts'
import { listKeys, retireKey, rotateKeys } from '#src/app/keys/rotate-keys.ts'
import { readKeysConfig } from '#src/config.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'

const HELP = `npm run keys -- list        every signing key, what it is and until when
npm run keys -- rotate      publishes the next key, which signs in ten minutes; users notice nothing
npm run keys -- retire KID  ends a key at once: its tokens are refused, their holders refresh
npm run keys -- reseal      seals all secrets at rest with KEY_ENCRYPTION_KEY, opening them with
                            KEY_ENCRYPTION_KEY_OTHER where they are sealed with that one`

type Action = (db: Kysely<Database>, box: SecretBox, kid: string) => Promise<boolean>

const ACTIONS = new Map<string, Action>([
  ['list', list],
  ['rotate', rotate],
  ['retire', retire],
  ['reseal', reseal],
])

const [name = '', kid = ''] = readCommandLine({ help: HELP, wordsMax: 2 }).positionals
const action = ACTIONS.get(name)
if (action === undefined || (kid === '') === (name === 'retire')) {
  console.error(HELP)
  process.exit(2)
}
const config = readKeysConfig(process.env)
const log = createLogger(SERVICE.name, config.LOG_LEVEL)
const pool = createPool(config, { log, name: 'keys', max: 1 })
const box = createSecretBox(config.KEY_ENCRYPTION_KEY, config.KEY_ENCRYPTION_KEY_OTHER)
try {
  process.exitCode = (await action(createDatabase<Database>(pool), box, kid)) ? 0 : 1
} finally {
  await pool.end()
}

async function list(db: Kysely<Database>): Promise<boolean> {
  for (const key of await listKeys(db)) {
    const end = key.retiresAt === null ? 'no end' : `retires ${key.retiresAt.toISOString()}`
    const begin = `signs from ${key.activatesAt.toISOString()}`
    console.log(`${key.kid}  ${key.state.padEnd(8)}  ${begin}  ${end}  by ${key.encryptionKeyId}`)
  }
  return true
}

async function rotate(db: Kysely<Database>, box: SecretBox): Promise<boolean> {
  const added = await rotateKeys({ db, box })
  if (added === undefined) console.error('A key waits already; nothing was done.')
  else console.log(`${added} is published and signs in ten minutes`)
  return added !== undefined
}

async function retire(db: Kysely<Database>, box: SecretBox, kid: string): Promise<boolean> {
  const retirement = await retireKey({ db, box }, kid)
  switch (retirement.outcome) {
    case 'unknown':
      console.error(`There is no key ${kid}.`)
      return false
    case 'retired_before':
      console.error(`${kid} was retired before; nothing was done.`)
      return false
    case 'retired':
      console.log(`${kid} is retired; ${retirement.signingKid ?? 'nothing'} signs`)
      return true
  }
}

async function reseal(db: Kysely<Database>, box: SecretBox): Promise<boolean> {
  const { signingKeys, totpSecrets } = await resealSecrets(db, box)
  console.log(
    `${signingKeys} signing keys and ${totpSecrets} authenticator secrets sealed with the present key`,
  )
  return true
}
