import { readCommandLine } from '@auction/common/process/command-line.ts'
import { positive } from '#src/options.ts'
import { keepBrokerAway, type Outage } from '#src/outage/broker-outage.ts'
import { withOwnPlatform } from '#src/own-platform.ts'

const HELP = `npm run broker-outage -- [--seconds 300] [--rate BIDS_PER_SECOND]

Keeps the broker away for so long while bids come at a steady rate, then measures how long the events that
waited take to be published and to be in the read model. No bid may fail, and 60 seconds are enough.`

const DRAIN_MAX_SECONDS = 60
/** The load goes on after it, and no token of a bidder lasts longer. */
const AWAY_MAX_SECONDS = 450

const { values } = readCommandLine({
  help: HELP,
  options: {
    seconds: { type: 'string', default: '300' },
    rate: { type: 'string', default: '300' },
  },
})

const log = (line: string) => console.log(`  ${line}`)
const seconds = positive('seconds', values.seconds, AWAY_MAX_SECONDS)
const bidsPerSecond = positive('rate', values.rate)
const isFine = report(
  await withOwnPlatform({ name: 'outage', log }, (platform) =>
    keepBrokerAway({ platform, seconds, bidsPerSecond, log }),
  ),
)
process.exit(isFine ? 0 : 1)

function report({ load, backlog, queues, ...outage }: Outage): boolean {
  const { publishedSeconds, visibleSeconds, publishedEvents, readModelDifferences } = outage
  const perSecond = (count: number, seconds: number) => `${(count / seconds).toFixed(0)}/s`
  const lines: [string, unknown][] = [
    ['bids decided', `${load.decided} (${perSecond(load.decided, load.seconds)})`],
    ['accepted', load.accepted],
    ['BID ERRORS', load.failed],
    ['bids, p50 and p99', `${load.p50Ms.toFixed(1)} and ${load.p99Ms.toFixed(1)} ms`],
    ['backlog', `${backlog.events} events in ${backlog.rows} rows`],
    ['published after', `${publishedSeconds.toFixed(1)} s`],
    ['in the read model after', `${visibleSeconds.toFixed(1)} s, at most ${DRAIN_MAX_SECONDS}`],
    [
      'relay',
      `${perSecond(publishedEvents, publishedSeconds)}, ` +
        `needed for the backlog ${perSecond(backlog.events, DRAIN_MAX_SECONDS)}`,
    ],
    ['read model differs', readModelDifferences],
    ['dead letters', queues.deadLetters],
  ]
  for (const [name, value] of lines) console.log(`${name.padEnd(26)} ${String(value)}`)
  // A run in which nothing waited proves nothing.
  if (backlog.events === 0) console.log('void: no event waited for the broker')
  return (
    backlog.events > 0 &&
    load.failed === 0 &&
    visibleSeconds <= DRAIN_MAX_SECONDS &&
    readModelDifferences + queues.deadLetters === 0
  )
}
