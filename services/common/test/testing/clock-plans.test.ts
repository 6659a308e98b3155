import t from 'tap'
import { hasUnorderedLimit } from '#src/testing/clock-plans.ts'

t.test('a limit needs an order of its own query', (t) => {
  for (const ordered of [
    'select 1 from lots where ends_at <= now() order by ends_at limit 1',
    'delete from mails where id in (select id from mails where at < now() ORDER  BY at LIMIT 5)',
    'select count(*) from (select from lots order by ends_at limit 5) counted',
    'select 1 from lots where ends_at <= now()',
  ]) {
    t.notOk(hasUnorderedLimit(ordered), ordered)
  }
  for (const unordered of [
    'select 1 from lots where ends_at <= now() limit 1',
    'delete from mails where id in (select id from mails where at < now() limit 5)',
    'select * from (select id from lots limit 5) few order by id',
    'select row_number() over (order by id) from lots limit 5',
  ]) {
    t.ok(hasUnorderedLimit(unordered), unordered)
  }
  t.end()
})
