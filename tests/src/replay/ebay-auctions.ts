import { readFileSync } from 'node:fs'

export interface RecordedBid {
  bidder: string
  /** The bidder's maximum, as a decimal string. */
  maxAmount: string
  /** Since the start, as a share of the whole duration. */
  at: number
}

export interface RecordedAuction {
  id: string
  startPrice: string
  /** What the item sold for on eBay. */
  price: string
  durationDays: number
  bids: RecordedBid[]
}

const COLUMNS = [
  'auction_id',
  'bid',
  'bid_time_days',
  'bidder',
  'bidder_rating',
  'open_bid',
  'price',
  'item',
  'duration_days',
] as const
type Column = (typeof COLUMNS)[number]

/** Reads auctions from a CSV with the columns of the eBay data, in the order of their bids. */
export function readAuctions(file: string): RecordedAuction[] {
  const [header = '', ...lines] = readFileSync(file, 'utf8').trim().split(/\r?\n/)
  const names = header.split(',')
  const missing = COLUMNS.filter((column) => !names.includes(column))
  if (missing.length > 0) throw new Error(`${file} lacks the columns ${missing.join(', ')}`)
  const auctions = new Map<string, RecordedAuction>()
  for (const [index, line] of lines.entries()) {
    const cells = line.split(',')
    if (cells.length !== names.length)
      throw new Error(`${file}:${index + 2} has ${cells.length} cells`)
    const cell = (column: Column) => cells[names.indexOf(column)] ?? ''
    const durationDays = number(cell('duration_days'), file, index)
    const auction = auctions.get(cell('auction_id')) ?? {
      id: cell('auction_id'),
      startPrice: money(cell('open_bid'), file, index),
      price: money(cell('price'), file, index),
      durationDays,
      bids: [],
    }
    auction.bids.push({
      bidder: cell('bidder'),
      maxAmount: money(cell('bid'), file, index),
      at: number(cell('bid_time_days'), file, index) / durationDays,
    })
    auctions.set(auction.id, auction)
  }
  // A stable sort: bids of the same instant keep the order of the file.
  for (const auction of auctions.values()) auction.bids.sort((a, b) => a.at - b.at)
  return [...auctions.values()]
}

function number(text: string, file: string, index: number): number {
  const value = Number(text)
  if (text === '' || !Number.isFinite(value))
    throw new Error(`${file}:${index + 2} has no number in ${text}`)
  return value
}

function money(text: string, file: string, index: number): string {
  return number(text, file, index).toFixed(2)
}
