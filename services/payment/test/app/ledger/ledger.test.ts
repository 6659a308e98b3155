import { randomUUID } from 'node:crypto'
import t from 'tap'
import { sealEntries } from '#src/app/ledger/seal-entries.ts'
import { clearing, sellerPending } from '#src/domain/accounts.ts'
import type { Entry, Posting } from '#src/domain/entry.ts'
import { digestEntry, LEDGER_GENESIS } from '#src/infra/crypto/entry-digest.ts'
import { LedgerConflictError, post } from '#src/infra/postgres/ledger/post.ts'
import { createWorld, type World } from '#test/helper.ts'

const SELLER = randomUUID()

function capture(key: string, amount = 1_000n, changes: Partial<Entry> = {}): Entry {
  const eur = (account: Posting['account'], moved: bigint): Posting => ({
    account,
    currencyCode: 'EUR',
    amount: moved,
  })
  return {
    key,
    kind: 'capture',
    orderId: '0198c0de-0000-7000-8000-000000000001',
    postings: [
      eur(clearing('stripe'), amount),
      eur(sellerPending(SELLER), -(amount - 84n)),
      eur('platform:commission', -84n),
    ],
    ...changes,
  }
}

async function counts({ database }: World) {
  const { rows } = await database.pool.query(
    `select (select count(*)::int from ledger_entries) as entries,
       (select count(*)::int from ledger_postings) as postings,
       (select count(*)::int from ledger_seals) as seals,
       (select count(*)::int from unsealed_entries) as unsealed`,
  )
  return rows[0]
}

t.test('a fact is posted once, however often and by however many it is reported', async (t) => {
  const world = await createWorld(t)
  const posted = await Promise.all(Array.from({ length: 20 }, () => world.post(capture('one'))))
  t.same(posted.filter(Boolean), [true])
  t.match(await counts(world), { entries: 1, postings: 3, unsealed: 1 })
})

t.test('a key that another fact has is an error, and nothing of it is posted', async (t) => {
  const world = await createWorld(t)
  await world.post(capture('one'))
  await t.rejects(world.post(capture('one', 2_000n)), LedgerConflictError)
  await t.rejects(
    world.post(capture('one', 1_000n, { orderId: randomUUID() })),
    LedgerConflictError,
  )
  t.match(await counts(world), { entries: 1, postings: 3 })
})

t.test(
  'an entry and the change that it is about are committed together or not at all',
  async (t) => {
    const world = await createWorld(t)
    const failed = world.db.transaction().execute(async (tx) => {
      await post(tx, capture('one'))
      throw new Error('the change failed')
    })
    await t.rejects(failed, /the change failed/)
    t.match(await counts(world), { entries: 0, postings: 0, unsealed: 0 })
  },
)

t.test('the code refuses postings that do not add up in each currency, or only one', async (t) => {
  const world = await createWorld(t)
  const [first, ...rest] = capture('x').postings
  if (first === undefined) throw new Error('no posting')
  await t.rejects(
    world.post(capture('x', 1n, { postings: [{ ...first, amount: 999n }, ...rest] })),
    /add up to -1/,
  )
  await t.rejects(
    world.post(capture('x', 1n, { postings: [{ ...first, currencyCode: 'USD' }, ...rest] })),
    /USD add up to 1000/,
  )
  await t.rejects(world.post(capture('x', 1n, { postings: [] })), /two postings/)
  await t.rejects(
    world.post(capture('x', 1n, { postings: [{ ...first, amount: 0n }] })),
    /two postings/,
  )
})

t.test('the database refuses what the code would never write', async (t) => {
  const world = await createWorld(t)
  const { pool } = world.database
  const write = async (lines: number, postings: string) => {
    const client = await pool.connect()
    try {
      await client.query('begin')
      await client.query(
        `insert into ledger_entries (key, kind, lines) values ('by hand', 'correction', $1)`,
        [lines],
      )
      if (postings !== '') {
        await client.query(
          `insert into ledger_postings (entry_id, line, lines, account, currency_code, amount)
           select id, line, lines, account, currency_code, amount
           from ledger_entries, (values ${postings}) as p (line, account, currency_code, amount)
           where key = 'by hand'`,
        )
      }
      await client.query('commit')
    } finally {
      await client.query('rollback')
      client.release()
    }
  }
  const good = `(1, 'refund:due', 'EUR', 5), (2, 'dispute:held', 'EUR', -5)`
  const refused: readonly [string, number, string, RegExp][] = [
    ['no postings', 2, '', /has 0 postings of 2/],
    ['fewer than it says', 3, good, /has 2 postings of 3/],
    ['more than it says', 2, `${good}, (3, 'refund:due', 'EUR', 1)`, /has_a_place/],
    ['one posting', 1, `(1, 'refund:due', 'EUR', 5)`, /lines_check/],
    ['a sum', 2, `(1, 'refund:due', 'EUR', 5), (2, 'dispute:held', 'EUR', -4)`, /add up to zero/],
    ['two currencies', 2, `(1, 'refund:due', 'EUR', 5), (2, 'dispute:held', 'USD', -5)`, /to zero/],
    ['nothing', 2, `(1, 'refund:due', 'EUR', 0), (2, 'dispute:held', 'EUR', 0)`, /amount_check/],
    ['an account', 2, `(1, 'refunds', 'EUR', 5), (2, 'dispute:held', 'EUR', -5)`, /account_check/],
    ['a place twice', 2, `(1, 'refund:due', 'EUR', 5), (1, 'dispute:held', 'EUR', -5)`, /pkey/],
  ]
  for (const [title, lines, postings, reason] of refused) {
    await t.rejects(write(lines, postings), reason, title)
  }
  await write(2, good)
  await t.rejects(
    pool.query(
      `insert into ledger_postings (entry_id, line, lines, account, currency_code, amount)
       select id, 3, 2, 'refund:due', 'EUR', 5 from ledger_entries`,
    ),
    /has_a_place/,
    'a posting that comes later',
  )
})

t.test('nothing of the ledger is ever changed', async (t) => {
  const world = await createWorld(t)
  await world.post(capture('one'))
  await sealEntries(world.db)
  for (const table of ['ledger_entries', 'ledger_postings', 'ledger_seals']) {
    for (const change of [`delete from ${table}`, `truncate ${table} cascade`]) {
      await t.rejects(world.database.pool.query(change), /never changed/, change)
    }
  }
  for (const change of [
    `update ledger_entries set kind = 'correction'`,
    'update ledger_postings set amount = amount + 1',
    'update ledger_seals set sequence = sequence + 1',
  ]) {
    await t.rejects(world.database.pool.query(change), /never changed/, change)
  }
})

t.test(
  'every committed entry is sealed once into one chain, by any number of workers',
  async (t) => {
    const world = await createWorld(t)
    await Promise.all(
      Array.from({ length: 30 }, (_, n) => world.post(capture(`entry ${n}`, 1_000n + BigInt(n)))),
    )
    let sealed = 0
    while (sealed < 30) {
      const counts = await Promise.all([1, 2, 3].map(() => sealEntries(world.db, 4)))
      sealed += counts.reduce((sum, count) => sum + count, 0)
    }
    t.match(await counts(world), { entries: 30, seals: 30, unsealed: 0 })
    t.equal(await sealEntries(world.db), 0)
    const { rows } = await world.database.pool.query(
      `select s.sequence, s.previous_digest, s.digest, e.id, e.key, e.kind, e.order_id, e.posted_at,
       (select json_agg(json_build_array(account, currency_code, amount::text) order by line)
        from ledger_postings where entry_id = e.id) as postings
     from ledger_seals s join ledger_entries e on e.id = s.entry_id order by s.sequence`,
    )
    let digest = LEDGER_GENESIS
    for (const [index, row] of rows.entries()) {
      t.equal(row.sequence, BigInt(index + 1))
      t.ok(row.previous_digest.equals(digest), 'it follows the one before it')
      digest = digestEntry(digest, row.sequence, {
        id: row.id,
        key: row.key,
        kind: row.kind,
        orderId: row.order_id,
        paymentId: null,
        postedAt: row.posted_at,
        postings: row.postings,
      })
      t.ok(row.digest.equals(digest), 'it is its own digest')
    }
  },
)

t.test(
  'an entry that is committed late is sealed then, behind those that came after it',
  async (t) => {
    const world = await createWorld(t)
    let commit = () => {}
    const isHeld = new Promise<void>((resolve) => {
      commit = resolve
    })
    let isPosted = () => {}
    const posted = new Promise<void>((resolve) => {
      isPosted = resolve
    })
    const late = world.db.transaction().execute(async (tx) => {
      await post(tx, capture('late'))
      isPosted()
      await isHeld
    })
    await posted
    await world.post(capture('early'))
    t.equal(await sealEntries(world.db), 1)
    commit()
    await late
    t.equal(await sealEntries(world.db), 1)
    const { rows } = await world.database.pool.query(
      'select key from ledger_seals join ledger_entries on id = entry_id order by sequence',
    )
    t.same(rows, [{ key: 'early' }, { key: 'late' }])
  },
)
