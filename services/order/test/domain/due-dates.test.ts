import t from 'tap'
import { dueDates, hoursAfter, judgeReminders, remindersOf } from '#src/domain/due-dates.ts'

const LIMITS = { dueHours: 96, dueLeastHours: 24, reminderHours: [24, 48, 72], overdueHours: 48 }
const WON = new Date('2026-03-27T23:30:00Z')

t.test('an order is due 96 hours after the win, also when clocks are changed meanwhile', (t) => {
  // Most of Europe puts its clocks forward on the 29th.
  const { dueAt, cancelAt } = dueDates(WON, hoursAfter(WON, 0), LIMITS)
  t.equal(dueAt.toISOString(), '2026-03-31T23:30:00.000Z')
  t.equal(cancelAt.toISOString(), '2026-04-02T23:30:00.000Z')
  t.end()
})

t.test('a buyer whose order came late has a day at least', (t) => {
  t.equal(dueDates(WON, hoursAfter(WON, 72), LIMITS).dueAt.getTime(), hoursAfter(WON, 96).getTime())
  t.equal(dueDates(WON, hoursAfter(WON, 73), LIMITS).dueAt.getTime(), hoursAfter(WON, 97).getTime())
  t.equal(
    dueDates(WON, hoursAfter(WON, 500), LIMITS).dueAt.getTime(),
    hoursAfter(WON, 524).getTime(),
  )
  t.end()
})

t.test('after an outage only the latest of several reminders is sent', (t) => {
  const reminders = remindersOf({ wonAt: WON, dueAt: hoursAfter(WON, 96) }, LIMITS)
  t.equal(reminders.length, 3)
  const at = (hours: number, sent: number) => {
    const { send, next } = judgeReminders(reminders, sent, hoursAfter(WON, hours))
    return [send?.n, next?.n]
  }
  t.strictSame(at(23.99, 0), [undefined, 1])
  t.strictSame(at(24, 0), [1, 2])
  t.strictSame(at(24, 1), [undefined, 2])
  t.strictSame(at(80, 0), [3, undefined])
  t.strictSame(at(80, 3), [undefined, undefined])
  t.strictSame(at(50, 0), [2, 3])
  t.end()
})

t.test('no one is reminded at or after the due instant', (t) => {
  const reminders = remindersOf({ wonAt: WON, dueAt: hoursAfter(WON, 48) }, LIMITS)
  t.strictSame(
    reminders.map(({ n }) => n),
    [1],
  )
  t.end()
})
