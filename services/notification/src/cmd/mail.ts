import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { UUID } from '@auction/common/ids.ts'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import { readCommandLine, refuse } from '@auction/common/process/command-line.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import type { Kysely } from 'kysely'
import { liftSuppression } from '#src/app/mail/lift-suppression.ts'
import { recordMailedReport } from '#src/app/mail/record-report.ts'
import { MAIL_BYTES_MAX } from '#src/app/mail/report-routes.ts'
import { returnKey } from '#src/app/mail/return-key.ts'
import { readDatabaseConfig, readReportConfig } from '#src/config.ts'
import { renderMail } from '#src/domain/mail-layout.ts'
import { mailSamples } from '#src/domain/mail-samples.ts'
import { LANGUAGES } from '#src/domain/notice-text.ts'
import { addressDigest } from '#src/infra/crypto/address-digest.ts'
import {
  countWaiting,
  listUnsent,
  type Resending,
  resend,
} from '#src/infra/postgres/mail/operators.ts'
import {
  countSuppressions,
  listSuppressions,
  readSuppression,
  suppressAddress,
} from '#src/infra/postgres/mail/suppressions.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'

const HELP = `npm run mail -- list                         mails that failed or of which the outcome is not known
npm run mail -- resend ID                    sends one again; it may have arrived if it was unknown
npm run mail -- resend --failed-since INSTANT  all that failed since then, such as 2026-07-01T12:00:00Z
npm run mail -- suppress ADDRESS             sends no notices to an address, but mails about security
npm run mail -- suppress lift ADDRESS        sends them again
npm run mail -- suppress list                the latest; addresses are not kept, only digests of them
npm run mail -- suppress list ADDRESS        whether and why an address is suppressed
npm run mail -- bounce < FILE                takes the report of a server or provider about a mail
npm run mail -- preview [--language de] [--out FOLDER]  writes every mail as .html and .txt`

const LISTED_MAX = 50
/** No request waits for a command, so it waits for a busy server instead of failing. */
const CONNECTION_TIMEOUT_MS = 30_000
// By which mail servers know that they have to try again (sysexits.h).
const EX_TEMPFAIL = 75

const { positionals, values } = readCommandLine({
  help: HELP,
  wordsMax: 3,
  options: {
    'failed-since': { type: 'string' },
    language: { type: 'string', default: 'en' },
    out: { type: 'string', default: 'mails' },
  },
})
const [name, word = '', another = ''] = positionals
switch (name) {
  case 'list':
    await withDatabase(list)
    break
  case 'resend': {
    const which = readResending(word, values['failed-since'])
    await withDatabase((db) => sendAgain(db, which))
    break
  }
  case 'suppress': {
    const isOther = word === 'list' || word === 'lift'
    const address = isOther ? another : word
    if (!address.includes('@') && !(word === 'list' && address === '')) refuse('Which address')
    if (word === 'list') await withDatabase((db) => listSuppressed(db, address))
    else await withDatabase((db) => suppress(db, address, word === 'lift'))
    break
  }
  case 'bounce':
    await bounce()
    break
  case 'preview':
    await preview()
    break
  default:
    console.error(HELP)
    process.exit(2)
}

async function withDatabase(work: (db: Kysely<Database>) => Promise<boolean>): Promise<void> {
  const config = readDatabaseConfig(process.env)
  const log = createLogger(SERVICE.name, config.LOG_LEVEL)
  const connectionTimeoutMs = CONNECTION_TIMEOUT_MS
  const pool = createPool(config, { log, name: 'mail', max: 1, connectionTimeoutMs })
  try {
    process.exitCode = (await work(createDatabase<Database>(pool))) ? 0 : 1
  } finally {
    await pool.end()
  }
}

async function list(db: Kysely<Database>): Promise<boolean> {
  for (const { id, kind, template, state, reason, tries, changedAt } of await listUnsent(
    db,
    LISTED_MAX,
  )) {
    const about = `${kind} ${template}`.padEnd(36)
    const why = `${state}${reason === null ? '' : ` ${reason}`}`.padEnd(24)
    console.log(`${id}  ${about} ${why} ${tries} tries  ${changedAt.toISOString()}`)
  }
  console.log(`${await countWaiting(db)} wait`)
  return true
}

function readResending(id: string, failedSince: string | undefined): Resending {
  if ((id === '') === (failedSince === undefined)) refuse('Name either an ID or --failed-since')
  if (failedSince === undefined) {
    if (!UUID.test(id)) refuse(`${id} is no ID`)
    return { id }
  }
  const since = new Date(failedSince)
  if (Number.isNaN(since.getTime())) refuse(`${failedSince} is no instant`)
  return { failedSince: since }
}

async function sendAgain(db: Kysely<Database>, which: Resending): Promise<boolean> {
  const count = await resend(db, which)
  if (count === 0 && 'id' in which) {
    console.error('Nothing was done: it neither failed nor is unknown, or its link does not work.')
    return false
  }
  console.log(`${count} queued again`)
  return true
}

async function suppress(
  db: Kysely<Database>,
  address: string,
  isRemoved: boolean,
): Promise<boolean> {
  const digest = addressDigest(address)
  const isChanged = isRemoved
    ? await liftSuppression(db, digest)
    : await suppressAddress(db, digest, 'operator')
  const state = isRemoved ? 'gets notices' : 'gets no notices'
  console.log(`${address} ${state}${isChanged ? ' from now on' : ' already; nothing was done'}`)
  return true
}

async function listSuppressed(db: Kysely<Database>, address: string): Promise<boolean> {
  if (address !== '') {
    const reason = await readSuppression(db, addressDigest(address))
    console.log(
      `${address} ${reason === undefined ? 'gets notices' : `gets no notices: ${reason}`}`,
    )
    return true
  }
  for (const { addressDigest, reason, createdAt } of await listSuppressions(db, LISTED_MAX)) {
    console.log(`${addressDigest.toString('hex')}  ${reason.padEnd(9)}  ${createdAt.toISOString()}`)
  }
  console.log(`${await countSuppressions(db)} are suppressed`)
  return true
}

/** For a server that hands mails to programs: only what may be better later is handed back. */
async function bounce(): Promise<void> {
  const config = readReportConfig(process.env)
  try {
    const mail = await readMail()
    await withDatabase(async (db) => {
      const result = await recordMailedReport(
        { db, returnKey: returnKey(config) },
        mail,
        new Date(),
      )
      console.log(result.outcome === 'ignored' ? `ignored: ${result.code}` : result.outcome)
      return true
    })
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    process.exitCode = EX_TEMPFAIL
  }
}

/** The beginning has the report, and the rest is what was sent. All of it is taken, so that no server calls it broken. */
async function readMail(): Promise<Buffer> {
  const chunks: Buffer[] = []
  let left = MAIL_BYTES_MAX
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    if (left > 0) chunks.push(chunk.subarray(0, left))
    left -= Math.min(left, chunk.length)
  }
  return Buffer.concat(chunks)
}

async function preview(): Promise<void> {
  const language = LANGUAGES.find((one) => one === values.language)
  if (language === undefined) refuse(`There is no language ${values.language}`)
  // Below the folder in which it was called.
  const folder = resolve(process.env.INIT_CWD ?? '', values.out)
  await mkdir(folder, { recursive: true })
  const samples = mailSamples(language, 'https://auction.example.com')
  for (const [sample, content] of samples) {
    const { subject, text, html } = renderMail(content, 'Auction')
    await writeFile(join(folder, `${sample}.html`), html)
    await writeFile(join(folder, `${sample}.txt`), `Subject: ${subject}\n\n${text}`)
  }
  console.log(`${samples.size} mails in ${folder}`)
}
