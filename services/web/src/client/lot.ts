/// <reference lib="dom" />
// Keeps the price, the end, the history and the standing of a lot as they are on the server. The page is complete
// without it, and bidding never waits for it: the form is sent to the server as it is.
import { type LiveEvent, watch } from './live.ts'
import { instantIn, moneyIn } from './live-format.ts'

const SAY_EVERY_MS = 5_000
const HISTORY_ROWS = 30
const SPREAD_MS = 1_000
const SPREAD_FACTOR_MAX = 5
const RECENT_MS = 10_000

interface Lot {
  sequence: number
  phase: string
  bidCount: number
  currentPrice?: string
  minNextBid?: string
  reserveMet?: boolean
  endDate: string
  outcome?: string
  finalAmount?: string
  buyNowAvailable?: boolean
}

interface Own {
  status?: string
  alias?: string
  myMaxAmount?: string
  sequence: number
}

const ENDS: ReadonlySet<string> = new Set(['reserved', 'closing', 'closed', 'cancelled'])

interface Bid {
  bidder: string
  kind: string
  amount: string
  bidAt: string
}

/** Undefined when it cannot be read just now; the next event asks again. */
async function read<T>(path: string): Promise<T | undefined> {
  const answer = await fetch(path).catch(() => undefined)
  return answer?.ok === true ? ((await answer.json()) as T) : undefined
}

class LiveLot extends HTMLElement {
  #sequence = 0
  #ownSequence = 0
  #endDate = ''
  #stop: (() => void) | undefined
  #language = 'en'
  #money = moneyIn('en')
  #instant = instantIn('en', 'UTC')
  #history: 'idle' | 'reading' | 'stale' = 'idle'
  #saidAt = Number.NEGATIVE_INFINITY
  #pending = ''
  #saying: ReturnType<typeof setTimeout> | undefined

  connectedCallback(): void {
    const { itemId = '', sequence, bids, currency, zone = 'UTC' } = this.dataset
    this.#language = document.documentElement.lang
    this.#sequence = Number(sequence)
    this.#ownSequence = this.#sequence
    this.#bidCount = Number(bids)
    this.#endDate = this.#time()?.dateTime ?? ''
    this.#money = moneyIn(this.#language, currency)
    this.#instant = instantIn(this.#language, zone)
    document.addEventListener('visibilitychange', this.#onSight)
    this.#stop = watch({
      lot: itemId,
      viewer: this.dataset.viewer ?? '',
      receive: (event) => this.#receive(event),
      online: (isOnline) => {
        const line = this.#part('offline')
        if (line !== null) line.hidden = isOnline
      },
    })
  }

  disconnectedCallback(): void {
    this.#stop?.()
    clearTimeout(this.#saying)
    clearTimeout(this.#reading)
    document.removeEventListener('visibilitychange', this.#onSight)
  }

  #receive({ kind, data }: LiveEvent): void {
    if (kind === 'lot') this.#still(() => this.#apply(data as unknown as Lot))
    else if (kind === 'own') {
      this.#still(() => this.#stand(String(data.standing), Number(data.sequence)))
      // The maximum may have been raised in another tab.
      void this.#readOwn()
    } else void this.#readAgain()
  }

  /** Keeps what the reader types into where it is, when lines above it become longer or shorter. */
  #still(change: () => void): void {
    const { activeElement } = document
    const before = activeElement?.getBoundingClientRect().top ?? -1
    const isHere = activeElement !== null && this.contains(activeElement)
    change()
    const isInSight = before >= 0 && before < innerHeight
    // A box that sticks to the window does not move with it.
    if (!isHere || !isInSight || getComputedStyle(this).position === 'sticky') return
    const moved = activeElement.getBoundingClientRect().top - before
    if (moved !== 0) scrollBy({ top: moved, behavior: 'instant' })
  }

  /** What was missed is in the lot itself. */
  async #readAgain(): Promise<void> {
    // A thousand pages whose streams began at once do not all ask at once.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * SPREAD_MS))
    const path = `/api/v1/lots/${this.dataset.itemId}`
    const lot = await read<Lot>(path)
    if (lot !== undefined) this.#still(() => this.#apply(lot))
    if (this.dataset.alias !== undefined) await this.#readOwn()
  }

  async #readOwn(): Promise<void> {
    const own = await read<Own>(`/api/v1/lots/${this.dataset.itemId}/mine`)
    if (own?.status === undefined) return
    const { status, alias, myMaxAmount, sequence } = own
    if (alias !== undefined) this.dataset.alias = alias
    if (myMaxAmount !== undefined && sequence >= this.#ownSequence) {
      this.dataset.max = this.#amount(myMaxAmount)
    }
    this.#still(() => this.#stand(status, sequence))
  }

  #apply(lot: Lot): void {
    // Events may come twice and out of order.
    if (!(lot.sequence > this.#sequence)) return
    const hadBids = this.#bidCount
    this.#sequence = lot.sequence
    const price = lot.finalAmount ?? lot.currentPrice
    if (price !== undefined) {
      const text = this.#amount(price)
      if (this.#set('price', text)) this.#say(this.#text('new-price', text))
    }
    if (lot.bidCount > 0) {
      const text =
        lot.bidCount === 1 ? this.#text('one-bid') : this.#text('bids', this.#number(lot.bidCount))
      this.#set('count', text)
    }
    if (lot.minNextBid !== undefined) {
      this.#set('enter', this.#text('enter', this.#amount(lot.minNextBid)))
    }
    if (lot.reserveMet === true && this.#part('reserve')?.classList.contains('warn') === true) {
      this.#set('reserve', this.#text('reserve-met'))
      this.#part('reserve')?.classList.replace('warn', 'good')
    }
    if (lot.phase === 'open') this.#open(lot)
    else if (ENDS.has(lot.phase)) this.#end(lot)
    if (lot.bidCount !== hadBids) {
      if (!this.#isOver) this.#set('leader', this.#leads() ? this.#youLead() : '')
      this.#readHistorySoon()
    }
    this.#bidCount = lot.bidCount
  }
  #bidCount = 0
  /** The line of the time as it was before the lot was not open for a while. */
  #running: ChildNode[] | undefined
  #isOver = false

  #open(lot: Lot): void {
    // A page from before the start, or of a lot that was reserved, has no form; its countdown is another.
    if (this.dataset.phase !== 'open') {
      const line = this.#part('started')
      if (line !== null) line.hidden = false
      return
    }
    const [form, buy, rules] = [this.#part('form'), this.#part('buy'), this.#part('rules')]
    if (this.#running !== undefined) this.#part('time')?.replaceChildren(...this.#running)
    this.#running = undefined
    if (this.#isOver) {
      this.#isOver = false
      if (form !== null) form.hidden = false
      if (buy !== null) buy.hidden = false
      if (rules !== null) rules.hidden = false
    }
    if (buy !== null && lot.buyNowAvailable !== undefined) buy.hidden = !lot.buyNowAvailable
    this.#moveEnd(lot.endDate)
  }

  #moveEnd(endDate: string): void {
    const time = this.#time()
    if (time === null || endDate === this.#endDate) return
    const isLater = Date.parse(endDate) > Date.parse(this.#endDate)
    this.#endDate = endDate
    time.dateTime = endDate
    this.#set('ends', this.#text('ends', this.#instant(endDate)))
    if (isLater) this.#say(this.#text('new-end'))
  }

  #end({ phase, outcome, endDate }: Lot): void {
    this.#isOver = true
    const form = this.#part('form')
    const isReserved = phase === 'reserved'
    const isSold = outcome === 'sold' || outcome === 'bought_now'
    const state = isReserved ? this.#text('reserved') : this.#text(isSold ? 'sold' : 'unsold')
    const line = this.#part('time')
    if (line !== null && phase !== 'closing') {
      const small = document.createElement('small')
      if (!isReserved) {
        small.textContent = this.#text('ended', this.#instant(endDate))
      }
      this.#running ??= [...line.childNodes]
      line.replaceChildren(`${state} `, small)
    }
    const started = this.#part('started')
    if (started !== null) started.hidden = true
    const [buy, rules] = [this.#part('buy'), this.#part('rules')]
    if (buy !== null) buy.hidden = true
    if (rules !== null) rules.hidden = true
    if (phase === 'closed') this.#set('leader', '')
    // What a reader is typing stays in sight until they leave it; the server refuses it with a reason.
    if (form !== null && !form.contains(document.activeElement)) form.hidden = true
    if (phase === 'closed' || phase === 'cancelled') this.#alarm(this.#text('over'))
  }

  #stand(standing: string, sequence: number): void {
    if (sequence < this.#ownSequence) return
    this.#ownSequence = sequence
    const was = this.dataset.standing
    const { max } = this.dataset
    // Without a maximum the sentence waits for it.
    if (max === undefined && (standing === 'leading' || standing === 'outbid')) return
    const text = this.#text(standing, max)
    if (text === '') return
    this.dataset.standing = standing
    if (!this.#isOver) this.#showOwnLead()
    const line = this.#part('standing')
    if (line !== null) {
      line.textContent = text
      line.className = `standing ${standing}`
      line.hidden = false
    }
    if (was === standing) return
    // What was said of a bid before is not true any more; without the line all below it would move up.
    const flash = document.getElementById('flash')
    if (flash !== null) {
      flash.textContent = text
      flash.className = `flash ${standing}`
    }
    this.#alarm(text)
    this.#markTitle(standing === 'outbid')
  }

  /** Right after a bid the leader alone knows who leads, by the own standing; the history says it to all others. */
  #leads(): boolean {
    return this.dataset.standing === 'leading' && this.#ownSequence >= this.#sequence
  }

  #showOwnLead(): void {
    const isShown = this.#part('leader')?.textContent === this.#youLead()
    if (this.#leads()) this.#set('leader', this.#youLead())
    else if (isShown && this.dataset.standing !== 'leading') this.#set('leader', '')
  }

  #youLead(): string {
    return `, ${this.#text('you-lead')}`
  }

  /** In a row of tabs only the title can be seen. */
  #markTitle(isMarked: boolean): void {
    const plain = document.title.replace(/^● /, '')
    document.title = isMarked ? `● ${plain}` : plain
  }

  #reading: ReturnType<typeof setTimeout> | undefined
  #isUnread = false
  readonly #changes: number[] = []
  readonly #onSight = () => {
    if (!document.hidden && this.#isUnread) this.#readHistorySoon()
  }

  /** All who watch a lot get a bid at once: they ask apart, the more so the faster bids come, and not unseen. */
  #readHistorySoon(): void {
    const now = performance.now()
    this.#changes.push(now)
    while ((this.#changes[0] ?? now) < now - RECENT_MS) this.#changes.shift()
    this.#isUnread = true
    if (document.hidden || this.#reading !== undefined) return
    const spread = SPREAD_MS * Math.min(this.#changes.length, SPREAD_FACTOR_MAX)
    this.#reading = setTimeout(() => {
      this.#reading = undefined
      this.#isUnread = false
      void this.#readHistory()
    }, Math.random() * spread)
  }

  async #readHistory(): Promise<void> {
    if (this.#history !== 'idle') {
      this.#history = 'stale'
      return
    }
    this.#history = 'reading'
    const url = `/api/v1/lots/${this.dataset.itemId}/bids?limit=${HISTORY_ROWS}`
    const history = await read<{ bids: Bid[] }>(url)
    if (history !== undefined) this.#still(() => this.#showHistory(history.bids))
    const isStale = (this.#history as string) === 'stale'
    this.#history = 'idle'
    // Several bids in a moment are one more reading.
    if (isStale) this.#readHistorySoon()
  }

  #showHistory(bids: readonly Bid[]): void {
    const body = document.getElementById('bids')
    if (body === null) return
    const { alias } = this.dataset
    const cell = (...content: (string | Node)[]) => {
      const element = document.createElement('td')
      element.append(...content)
      return element
    }
    const wrap = (name: string, text: string) => {
      const element = document.createElement(name)
      element.textContent = text
      return element
    }
    body.replaceChildren(
      ...bids.map(({ bidder, kind, amount, bidAt }) => {
        const row = document.createElement('tr')
        const time = document.createElement('time')
        time.dateTime = bidAt
        time.textContent = this.#instant(bidAt)
        const who: (string | Node)[] = [this.#alias(bidder)]
        if (bidder === alias) who.push(' ', wrap('strong', `(${this.#text('you')})`))
        if (kind === 'auto') who.push(' ', wrap('small', this.#text('automatic')))
        if (bidder === alias) row.className = 'own'
        row.append(cell(...who), cell(this.#amount(amount)), cell(time))
        return row
      }),
    )
    body.closest('table')?.toggleAttribute('hidden', bids.length === 0)
    document.getElementById('no-bids')?.remove()
    // The answer of a maximum comes before the bid that it beat, so the first is the leader's.
    const [first] = bids
    if (first === undefined || this.#isOver) return
    const isOwn = first.bidder === alias
    // A bid that came while this was read is in the next history.
    if (this.#isUnread || (isOwn && this.dataset.standing === 'outbid')) return
    this.#set(
      'leader',
      isOwn ? this.#youLead() : `, ${this.#text('leads', this.#alias(first.bidder))}`,
    )
  }

  #alias(bidder: string): string {
    const n = /^bidder (\d+)$/.exec(bidder)?.[1]
    return n === undefined ? bidder : this.#text('bidder', this.#number(Number(n)))
  }

  /** One polite sentence in five seconds, and always the newest: more would drown the page for a screen reader. */
  #say(text: string): void {
    this.#pending = text
    if (this.#saying !== undefined) return
    const wait = Math.max(0, this.#saidAt + SAY_EVERY_MS - performance.now())
    this.#saying = setTimeout(() => {
      this.#saying = undefined
      this.#saidAt = performance.now()
      this.#set('said', this.#pending)
    }, wait)
  }

  #alarm(text: string): void {
    this.#set('alarm', text)
  }

  #part(name: string): HTMLElement | null {
    return this.querySelector(`[data-part="${name}"]`)
  }

  #time(): HTMLTimeElement | null {
    return this.querySelector('time[data-countdown]')
  }

  #set(name: string, text: string): boolean {
    const element = this.#part(name)
    if (element === null || element.textContent === text) return false
    element.textContent = text
    return true
  }

  #text(name: string, value = ''): string {
    const key = `text${name.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())}`
    return (this.dataset[key] ?? '').replace('{0}', value)
  }

  #amount(amount: string): string {
    return this.#money(amount)
  }

  #number(n: number): string {
    return new Intl.NumberFormat(this.#language).format(n)
  }
}

customElements.define('live-lot', LiveLot)
