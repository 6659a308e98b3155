import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { DATABASES } from '@auction/local/service-list.ts'
import pg from 'pg'
import t from 'tap'
import { join, PASSWORD, type Person, patient, sell } from '#src/people.ts'
import { createPlatform } from './helper.ts'
import { createOtlpReceiver } from './otlp-receiver.ts'
import { createWiretap } from './wiretap.ts'

// Numbers that occur nowhere else, so that finding one anywhere is a leak.
const RESERVE = '83619.37'
const HIDDEN_MAXIMUM = '9743.61'
const PERSONAL = 'horse battery staple'

/** Where each secret stands that is found anywhere: amounts also as the cents that a database would write. */
function findLeaks(
  places: ReadonlyMap<string, string>,
  { amounts, words }: { amounts: readonly string[]; words: readonly string[] },
): string[] {
  const patterns = [
    ...amounts.map((amount): [string, RegExp] => [
      amount,
      new RegExp(`(?<![0-9a-f.])${amount.replace('.', '[.,]?')}(?![0-9a-f])`),
    ]),
    ...words.map((word): [string, RegExp] => [
      word,
      new RegExp(word.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')),
    ]),
  ]
  return patterns.flatMap(([secret, pattern]) =>
    [...places].filter(([, text]) => pattern.test(text)).map(([place]) => `${secret} in ${place}`),
  )
}

t.test('what is hidden stands nowhere, whatever is logged, traced, sent or refused', async (t) => {
  const otlp = await createOtlpReceiver(t)
  const { platform, client: hasty } = await createPlatform(t, {
    hasOwnBroker: true,
    env: {
      '*': {
        LOG_LEVEL: 'trace',
        OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url,
        OTEL_TRACES_SAMPLE_RATIO: '1',
      },
    },
  })
  const client = patient(hasty)
  await logEveryStatement(platform.postgres.adminUrl)
  const wiretap = await createWiretap(t, platform.rabbitmq.url)
  const run = randomUUID().slice(0, 8)
  const [ann, ben, cid] = (await Promise.all(
    ['ann', 'ben', 'cid'].map((name) => join(client, name, `${name}-${run}`)),
  )) as [Person, Person, Person]
  const answers: unknown[] = []
  const keys: string[] = []
  const bid = async (itemId: string, person: Person, maxAmount: string, more = {}) => {
    const key = randomUUID()
    keys.push(key)
    return client.request('POST', `/api/v1/lots/${itemId}/bids`, {
      token: person.token,
      body: { maxAmount, ...more },
      headers: { 'idempotency-key': key },
    })
  }
  const see = async (path: string, person?: Person) => {
    const { body } = await client.request(
      'GET',
      path,
      person === undefined ? {} : { token: person.token },
    )
    answers.push(body)
    return body
  }
  const offer = { startPrice: '10.00', durationMs: 600_000 }
  const reserved = await sell(client, ann, {
    name: 'with a reserve',
    ...offer,
    terms: { reservePrice: RESERVE },
  })
  const open = await sell(client, ann, { name: 'without a reserve', ...offer })
  answers.push((await bid(reserved.id, ben, '20.00')).body)
  answers.push((await bid(reserved.id, cid, '25.00')).body)
  const high = await bid(open.id, ben, HIDDEN_MAXIMUM)
  t.match(high.body, { code: 'bid.confirmation_required' })
  const { confirmation } = high.body.details as { confirmation: string }
  const placed = await bid(open.id, ben, HIDDEN_MAXIMUM, { confirmation })
  t.equal(placed.statusCode, 201)
  // A rival who loses, one who bids what is held already, and a leader who bids the same again.
  answers.push((await bid(open.id, cid, '60.00')).body)
  answers.push((await bid(open.id, cid, '15.00')).body)
  answers.push((await bid(open.id, ben, HIDDEN_MAXIMUM)).body)
  for (const { id } of [reserved, open]) await failOnRowsOf(platform.postgres.url('bid'), id)
  for (const { id } of [reserved, open]) {
    await see(`/api/v1/lots/${id}`)
    await see(`/api/v1/lots/${id}/bids`)
    await see(`/api/v1/items/${id}`, cid)
    await see(`/lots/${id}`)
  }
  await see('/api/v1/items?limit=100', cid)
  t.match(await see(`/api/v1/lots/${reserved.id}`), { hasReserve: true, reserveMet: false })
  const own = await client.request('GET', `/api/v1/items/${reserved.id}`, { token: ann.token })
  t.match(own.body, { reservePrice: RESERVE }, 'the seller sees it')
  const { bidId } = placed.body
  await waitFor('the event', () => wiretap.messages.some((text) => text.includes(String(bidId))))
  await waitFor('the notice', async () =>
    (await textOf(platform.postgres.url('notification'), 'notices')).includes(reserved.id),
  )
  // Mails of registering are there already; the one that could show amounts comes when its notice is judged.
  await waitFor('the mail', () =>
    platform.mailbox.mails().some(({ to, template }) => to === ben.email && template === 'outbid'),
  )
  await otlp.find('bid.placed.v1 publish')

  const logs = platform.names.map((name) => readFileSync(platform.logFile(name), 'utf8')).join('\n')
  for (const pattern of [
    /execute write-batch/,
    /duration: [\d.]+ ms/,
    /violates check constraint/,
    /violates unique constraint/,
  ])
    t.match(logs, pattern, 'these logs have everything')
  const outboxes = await Promise.all(
    DATABASES.map((service) => textOf(platform.postgres.url(service), 'outbox')),
  )
  const notices = await textOf(platform.postgres.url('notification'), 'notices')
  const places = new Map([
    ['logs', logs],
    ['spans', otlp.text()],
    ['messages', wiretap.messages.join('\n')],
    ['outboxes', outboxes.join('\n')],
    ['notices', notices],
    ['mails', JSON.stringify(platform.mailbox.mails())],
    ['answers', JSON.stringify(answers)],
  ])
  for (const [place, text] of places) t.ok(text.length > 100, `there are ${place}`)
  const hidden = {
    amounts: [RESERVE, HIDDEN_MAXIMUM],
    words: [confirmation, PERSONAL, PASSWORD, ben.token, ...keys],
  }
  for (const planted of [`max ${HIDDEN_MAXIMUM}.`, '"974361"', confirmation, ben.token]) {
    const planting = new Map([...places].map(([place, text]) => [place, `${text} ${planted} `]))
    t.equal(findLeaks(planting, hidden).length, places.size, 'one that is planted is found')
  }
  t.strictSame(findLeaks(places, hidden), [])
})

/** As an operator does who looks for something slow. */
async function logEveryStatement(adminUrl: string): Promise<void> {
  const admin = new pg.Client({ connectionString: adminUrl })
  await admin.connect()
  await admin.query("alter system set log_statement = 'all'")
  await admin.query('alter system set log_min_duration_statement = 0')
  await admin.query('select pg_reload_conf()')
  await admin.end()
}

/** Statements that PostgreSQL refuses because of what stands in the rows of a lot, hidden parts too. */
async function failOnRowsOf(url: string, itemId: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await t.rejects(
    client.query('update lots set bid_count = -1 where item_id = $1', [itemId]),
    /check constraint/,
  )
  await t.rejects(
    client.query('insert into bids select * from bids where item_id = $1', [itemId]),
    /unique constraint/,
  )
  await client.end()
}

/** All rows of a table as text. */
async function textOf(url: string, table: 'outbox' | 'notices'): Promise<string> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query(`select row_to_json(r)::text as text from ${table} r`)
  await client.end()
  return rows.map(({ text }) => text).join('\n')
}
