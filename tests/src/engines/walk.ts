import { randomUUID } from 'node:crypto'
import { join as joinPath } from 'node:path'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import type { ApiClient } from '#src/api-client.ts'
import { insist, join, PASSWORD, type Person, sell } from '#src/people.ts'
import type { Engine } from './engine.ts'

export interface Shop {
  client: ApiClient
  /** The address that people type. */
  origin: string
  /** A folder for a picture of each step, or undefined. */
  pictures?: string | undefined
}

const part = (name: string) => `live-lot [data-part="${name}"]`

/**
 * What a bidder does first: logs in on the way to a lot, is refused a bid that is too low, bids, is outbid while the
 * page is open, and bids again. Throws what a page does not show.
 */
export async function logInAndBid(
  engine: Engine,
  { client, origin, pictures }: Shop,
): Promise<void> {
  const seller = await join(client, 'Sue', `sue-${randomUUID()}`)
  const [ann, ben] = [
    await join(client, 'Ann', `ann-${randomUUID()}`),
    await join(client, 'Ben', `ben-${randomUUID()}`),
  ]
  const lot = { name: 'Walnut desk', startPrice: '40.00', currencyCode: 'EUR' }
  const { id } = await sell(client, seller, { ...lot, durationMs: 3_600_000 })
  const until = (selector: string, wanted: string) =>
    waitFor(`"${wanted}" in ${selector}`, async () =>
      // While one page goes and the next one comes there is nothing to read.
      ((await engine.text(selector).catch(() => '')) ?? '').includes(wanted),
    )
  const see = async (name: string) => {
    if (pictures !== undefined) await engine.screenshot(joinPath(pictures, `${name}.png`))
  }
  await engine.open(`${origin}/lots/${id}`)
  await until('h1', 'Walnut desk')
  await see('visitor')
  await engine.click('live-lot a.primary')
  await until('h1', 'Log in')
  await engine.type('#field-email', ann.email)
  await engine.type('#field-password', PASSWORD)
  await engine.click('form[data-form="login"] button')
  await until('header', 'Ann')
  const address = await engine.address()
  if (address !== `${origin}/lots/${id}`) throw new Error(`the login led to ${address}`)
  await engine.type('#field-maxAmount', '12')
  await engine.click('form[data-form="bid"] button')
  await until('#problem', 'Your maximum must be at least €40.00.')
  await see('too-low')
  await engine.type('#field-maxAmount', '50')
  await engine.click('form[data-form="bid"] button')
  await until(part('standing'), 'You lead. Your maximum is €50.00.')
  await see('leading')
  await bid(client, ben, id, '60.00')
  // Nothing is loaded again: the stream of the page brings it.
  await until(part('standing'), 'You have been outbid. Your maximum was €50.00.')
  await until(part('price'), '€51.00')
  await see('outbid')
  await engine.type('#field-maxAmount', '70')
  await engine.click('form[data-form="bid"] button')
  await until(part('standing'), 'You lead. Your maximum is €70.00.')
}

const bid = (client: ApiClient, { token }: Person, id: string, maxAmount: string) =>
  insist(client, 'POST', `/api/v1/lots/${id}/bids`, { token, body: { maxAmount }, accept: [201] })
