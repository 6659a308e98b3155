import { type RawBuilder, sql } from 'kysely'
import t from 'tap'
import { verifyAudit } from '#src/app/audit/verify-audit.ts'
import { AUDIT_GENESIS, digestAuditEntry } from '#src/infra/crypto/audit-digest.ts'
import { readAuditEntries, recordAudit } from '#src/infra/postgres/audit/audit.ts'
import { createIdentityDatabase, type TestDb } from '#test/helper.ts'
import { runCommand } from '#test/run-command.ts'

const SUBJECT = '0198d2f0-0000-7000-8000-000000000001'
const OTHER = '0198d2f0-0000-7000-8000-000000000002'

async function record(db: TestDb, count: number): Promise<void> {
  for (let index = 1; index <= count; index += 1) {
    const details = { reason: `entry ${index}`, by: 'test' }
    await db
      .transaction()
      .execute((tx) =>
        recordAudit(tx, { action: 'user.suspended', actorId: OTHER, subjectId: SUBJECT, details }),
      )
  }
}

/** What a superuser of the database can do, whom no trigger stops. */
async function tamper(db: TestDb, statement: RawBuilder<unknown>): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await sql`set local session_replication_role = replica`.execute(tx)
    const { numAffectedRows } = await statement.execute(tx)
    if (numAffectedRows === 0n) throw new Error('nothing was tampered with')
  })
}

t.test('an untouched chain holds, also when it is empty and when it has many pages', async (t) => {
  const { db, config } = await createIdentityDatabase(t)
  t.strictSame(await verifyAudit(db), {
    head: { count: 0n, digest: AUDIT_GENESIS.toString('hex') },
  })
  await record(db, 25)
  const verdict = await verifyAudit(db, undefined, 10)
  t.match(verdict, { head: { count: 25n, digest: /^[0-9a-f]{64}$/ } })
  t.equal(verdict.broken, undefined)
  const { count, digest } = verdict.head
  t.match(await runCommand('verify-audit', config), {
    code: 0,
    output: `25 entries hold, head ${count}:${digest}\n`,
  })
  t.equal((await runCommand('verify-audit', config, ['nonsense'])).code, 2)
})

t.test('whatever is changed behind the trigger shows, at its place', async (t) => {
  const { db } = await createIdentityDatabase(t)
  await record(db, 5)
  const [third] = await readAuditEntries(db, 2n, 1)
  if (third === undefined) throw new Error('there is no third entry')
  const remade = digestAuditEntry(third.previousDigest, { ...third, details: {} })
  const changes: Record<string, [RawBuilder<unknown>, bigint, RegExp]> = {
    'an action': [
      sql`update audit_entries set action = 'user.reinstated' where sequence = 3`,
      3n,
      /digest/,
    ],
    'who did it': [
      sql`update audit_entries set actor_id = ${SUBJECT} where sequence = 3`,
      3n,
      /digest/,
    ],
    'that a user did it': [
      sql`update audit_entries set actor_id = null where sequence = 3`,
      3n,
      /digest/,
    ],
    'to whom': [
      sql`update audit_entries set subject_id = ${OTHER} where sequence = 3`,
      3n,
      /digest/,
    ],
    'a reason': [
      sql`update audit_entries set details = details || '{"reason": "none"}' where sequence = 3`,
      3n,
      /digest/,
    ],
    'one more detail': [
      sql`update audit_entries set details = details || '{"until": "never"}' where sequence = 3`,
      3n,
      /digest/,
    ],
    'the time': [
      sql`update audit_entries set recorded_at = recorded_at - interval '1 hour' where sequence = 3`,
      3n,
      /digest/,
    ],
    'the time, by less than is digested': [
      sql`update audit_entries set recorded_at = recorded_at + interval '1 us' where sequence = 3`,
      3n,
      /digest/,
    ],
    'a digest': [
      sql`update audit_entries set digest = sha256('x'::bytea) where sequence = 3`,
      3n,
      /digest/,
    ],
    'an entry made again with a digest that fits': [
      sql`update audit_entries set details = '{}', digest = ${remade} where sequence = 3`,
      4n,
      /follow/,
    ],
    'one in the middle gone': [sql`delete from audit_entries where sequence = 3`, 3n, /missing/],
    'the first gone': [sql`delete from audit_entries where sequence = 1`, 1n, /missing/],
    'a gap closed by renumbering': [
      sql`with gone as (delete from audit_entries where sequence = 5 returning 1)
          update audit_entries set previous_digest = sha256('z'::bytea) where sequence = 4`,
      4n,
      /follow/,
    ],
  }
  const whole = await verifyAudit(db)
  for (const [title, [statement, sequence, reason]] of Object.entries(changes)) {
    await sql`create table kept as table audit_entries`.execute(db)
    await tamper(db, statement)
    const { broken, head } = await verifyAudit(db, undefined, 2)
    t.match(broken, { sequence, reason }, title)
    t.equal(head.count, sequence - 1n, 'what comes before still holds')
    await tamper(db, sql`delete from audit_entries`)
    await tamper(db, sql`insert into audit_entries select * from kept`)
    await sql`drop table kept`.execute(db)
  }
  t.strictSame(await verifyAudit(db), whole, 'and put back it holds again')
})

t.test('an end that was cut off shows against a head that was noted', async (t) => {
  const { db, config } = await createIdentityDatabase(t)
  await record(db, 8)
  const { head } = await verifyAudit(db)
  const noted = `${head.count}:${head.digest}`
  await record(db, 2)
  t.match(await runCommand('verify-audit', config, [noted]), {
    code: 0,
    output: /^10 entries hold/,
  })
  await tamper(db, sql`delete from audit_entries where sequence > 6`)
  t.match(
    await runCommand('verify-audit', config),
    { code: 0, output: /^6 entries hold/ },
    'whole in itself',
  )
  t.match(await runCommand('verify-audit', config, [noted]), {
    code: 1,
    output: /^6 entries hold.*\nentry 7: the chain ends here, but had 8 entries once/,
  })
  await record(db, 3)
  t.match(
    await runCommand('verify-audit', config, [noted]),
    { code: 1, output: /entry 8: is not the entry that was noted/ },
    'nor does it help to write others in their place',
  )
})
