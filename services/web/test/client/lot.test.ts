import { createContext, runInContext } from 'node:vm'
import t from 'tap'
import { ASSETS } from '#src/app/assets.ts'

interface Event {
  kind: 'lot' | 'own'
  data: Record<string, unknown>
}
interface Bid {
  bidder: string
  kind: string
  amount: string
  bidAt: string
}

const text = (name: string) =>
  (ASSETS.get(name)?.content.toString() ?? '')
    .replaceAll(/^import [^']* from '[^']*'$/gm, '')
    .replaceAll(/^export /gm, '')

/** The page of a lot that Ann leads with the only bid; the history is answered when the test wants it. */
function openLot() {
  const parts = new Map<string, { textContent: string; className: string; hidden: boolean }>()
  const part = (name: string) => {
    const known = parts.get(name) ?? { textContent: '', className: '', hidden: false }
    parts.set(name, known)
    return known
  }
  part('leader').textContent = ', you lead'
  const readings: (() => void)[] = []
  const answers: ((bids: Bid[]) => void)[] = []
  const own: Record<string, unknown> = {}
  let receive: (event: Event) => void = () => undefined
  class Page {
    dataset: Record<string, string> = {
      itemId: '1',
      sequence: '1',
      bids: '1',
      currency: 'EUR',
      phase: 'open',
      viewer: 'ann',
      alias: 'bidder 1',
      max: '€50.00',
      standing: 'leading',
      textYouLead: 'you lead',
      textLeads: '{0} leads',
      textBidder: 'bidder {0}',
      textLeading: 'You lead.',
      textOutbid: 'You have been outbid.',
    }
    contains = () => false
    querySelector = (selector: string) => {
      const name = /data-part="([^"]+)"/.exec(selector)?.[1]
      return name === 'leader' || name === 'standing' ? part(name) : null
    }
  }
  const element = () => ({ append: () => undefined })
  const page = createContext({
    HTMLElement: Page,
    Intl,
    customElements: {
      define: (_: string, Lot: new () => { connectedCallback(): void }) =>
        new Lot().connectedCallback(),
    },
    document: {
      documentElement: { lang: 'en' },
      activeElement: null,
      hidden: false,
      title: 'Lot',
      addEventListener: () => undefined,
      createElement: element,
      getElementById: (id: string) =>
        id === 'bids' ? { replaceChildren: () => undefined, closest: () => null } : null,
    },
    fetch: async (path: string) => ({
      ok: true,
      json: async () =>
        path.includes('/bids')
          ? { bids: await new Promise<Bid[]>((resolve) => answers.push(resolve)) }
          : own,
    }),
    performance,
    setTimeout: (work: () => void) => readings.push(work),
    clearTimeout: () => undefined,
    watch: (watcher: { receive(event: Event): void }) => {
      receive = (event) => watcher.receive(event)
    },
  })
  runInContext(`${text('live-format.js')}\n${text('lot.js')}`, page)
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  const lot = (sequence: number, bidCount: number) =>
    receive({
      kind: 'lot',
      data: { sequence, bidCount, phase: 'open', endDate: '2026-11-23T18:04:05.000Z' },
    })
  const stand = (standing: string, sequence: number) =>
    receive({ kind: 'own', data: { standing, sequence } })
  return {
    leader: () => part('leader').textContent,
    standing: () => part('standing').textContent,
    lot,
    stand,
    /** Begins the reading that waits; the answer is given by the test. */
    async read() {
      for (const work of readings.splice(0)) work()
      await settle()
      const answer = answers.pop()
      return async (bidder: string) => {
        answer?.([{ bidder, kind: 'manual', amount: '60.00', bidAt: '2026-11-23T18:00:00.000Z' }])
        await settle()
      }
    },
  }
}

t.test('the line of the leader is right before the history is read', async (t) => {
  const lotFirst = openLot()
  lotFirst.lot(2, 2)
  t.equal(lotFirst.leader(), '', 'who leads after a bid is not known yet')
  lotFirst.stand('outbid', 2)
  t.match(lotFirst.standing(), 'outbid')
  t.equal(lotFirst.leader(), '')
  await (await lotFirst.read())('bidder 2')
  t.equal(lotFirst.leader(), ', bidder 2 leads')
  lotFirst.stand('outbid', 2)
  t.equal(lotFirst.leader(), ', bidder 2 leads', 'what is known stays')

  const ownFirst = openLot()
  ownFirst.stand('outbid', 2)
  t.equal(ownFirst.leader(), '')
  ownFirst.lot(2, 2)
  ownFirst.stand('leading', 3)
  t.equal(ownFirst.leader(), ', you lead', 'a bid in another tab')
  ownFirst.lot(3, 3)
  t.equal(ownFirst.leader(), ', you lead')
})

t.test('a history that was read before the newest bid does not say who leads', async (t) => {
  const page = openLot()
  page.lot(2, 2)
  const answer = await page.read()
  page.lot(3, 3)
  await answer('bidder 1')
  t.equal(page.leader(), '')
  await (await page.read())('bidder 3')
  t.equal(page.leader(), ', bidder 3 leads')
})
