import { randomUUID } from 'node:crypto'
import type { ApiClient } from './api-client.ts'
import { insist, type Listing, type Person, RefusedError, type Sale, sell } from './people.ts'

const LONGER_BY = 4
const TRIES_MAX = 4

/**
 * Does what must be over before a lot ends. Answers what `work` answers; undefined says that the
 * machine was too slow, and then it is done again with a lot that lasts four times as long.
 */
export async function inTime<T>(
  firstMs: number,
  work: (durationMs: number) => Promise<T | undefined>,
): Promise<T> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const done = await work(firstMs * LONGER_BY ** tries)
    if (done !== undefined) return done
  }
  throw new Error(`${TRIES_MAX} lots ended before their bids were made`)
}

/** Lists and publishes an item; undefined when its end came before it was published. */
export async function sellInTime(
  client: ApiClient,
  seller: Person,
  listing: Listing,
): Promise<Sale | undefined> {
  // Not after the end that `sell` gives it.
  const endsAtMs = Date.now() + (listing.startsInMs ?? 0) + listing.durationMs
  try {
    return await sell(client, seller, listing)
  } catch (error) {
    const isLate = error instanceof RefusedError && isInThePast(error) && Date.now() >= endsAtMs
    if (!isLate) throw error
    return undefined
  }
}

function isInThePast({ answer: { body } }: RefusedError): boolean {
  return (body as { details?: { reason?: string } }).details?.reason === 'in_the_past'
}

/** Sells an item by one bid, in the time of the listing or, where that is too short, in a longer one. */
export function sellTo(
  client: ApiClient,
  {
    seller,
    bidder,
    headers = {},
  }: { seller: Person; bidder: Person; headers?: Record<string, string> },
  listing: Listing,
  maxAmount: string,
): Promise<Sale> {
  return inTime(listing.durationMs, async (durationMs) => {
    const sale = await sellInTime(client, seller, { ...listing, durationMs })
    if (sale === undefined) return undefined
    const path = `/api/v1/lots/${sale.id}/bids`
    const answer = await insist(client, 'POST', path, {
      token: bidder.token,
      body: { maxAmount },
      headers: { 'idempotency-key': randomUUID(), ...headers },
      accept: [201, 409],
    })
    if (answer.statusCode === 201) return sale
    // Both clocks are this machine's, and no lot ends early.
    const isLate = answer.body.code === 'bid.ended' && Date.now() >= Date.parse(sale.endDate)
    if (!isLate) throw new RefusedError(`POST ${path}`, answer)
    return undefined
  })
}
