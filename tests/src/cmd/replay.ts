import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readCommandLine } from '@auction/common/process/command-line.ts'
import { startPlatform } from '@auction/local/platform.ts'
import { readAuctions } from '#src/ebay-auctions.ts'
import { type ReplayedAuction, replay } from '#src/replay.ts'

const HELP = `npm run replay -- [FILE] [--gateway URL] [--seconds N] [--auctions N]

Plays the auctions of a CSV (tests/data/ebay-cartier-auctions.csv) through the public API and
compares the hammer prices. Starts a platform of its own unless --gateway names one.`

const { values, positionals } = readCommandLine({
  help: HELP,
  wordsMax: 1,
  options: {
    gateway: { type: 'string' },
    seconds: { type: 'string', default: '30' },
    auctions: { type: 'string' },
  },
})

const file =
  positionals[0] ?? new URL('../../data/ebay-cartier-auctions.csv', import.meta.url).pathname
const auctions = readAuctions(file).slice(
  0,
  values.auctions === undefined ? undefined : Number(values.auctions),
)
const options = {
  auctionSeconds: Number(values.seconds),
  progress: (line: string) => console.log(line),
}

const results =
  values.gateway === undefined
    ? await onOwnPlatform()
    : await replay(auctions, { ...options, gatewayUrl: values.gateway })
report(results)

async function onOwnPlatform(): Promise<ReplayedAuction[]> {
  const stateDir = mkdtempSync(join(tmpdir(), 'auction-replay-'))
  console.log('starting a platform of its own')
  const platform = await startPlatform({ stateDir })
  try {
    return await replay(auctions, { ...options, gatewayUrl: platform.gatewayUrl })
  } finally {
    await platform.stop()
    rmSync(stateDir, { recursive: true, force: true })
  }
}

function report(replayed: ReplayedAuction[]): void {
  for (const { id, expected, actual, outcome, problem } of replayed) {
    if (outcome === 'at the price') continue
    console.log(`${id} ${outcome}: ${actual ?? 'no price'} instead of ${expected} ${problem ?? ''}`)
  }
  const count = (outcome: ReplayedAuction['outcome']) =>
    replayed.filter((auction) => auction.outcome === outcome).length
  console.log(`${count('at the price')} of ${replayed.length} end at the price`)
  console.log(`${count('below')} below, ${count('above')} above, ${count('broken')} broken`)
  if (count('late') > 0)
    console.log(`${count('late')} not judged: their bids came after the end; take more --seconds`)
  if (count('broken') > 0 || count('above') > 0 || count('late') > 0) process.exitCode = 1
}
