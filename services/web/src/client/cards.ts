/// <reference lib="dom" />
// Keeps price, number of bids and end of the lots in a list as they are. Texts are at the list.
import { type LiveEvent, watch } from './live.ts'
import { instantIn, moneyIn } from './live-format.ts'

interface Lot {
  sequence: number
  phase: string
  bidCount: number
  currentPrice?: string
  endDate: string
  outcome?: string
  finalAmount?: string
}

class LiveCard extends HTMLElement {
  #sequence = -1
  #stop: (() => void) | undefined
  #watching: IntersectionObserver | undefined

  connectedCallback(): void {
    // Only what is in sight: a stream has room for fifty lots.
    this.#watching = new IntersectionObserver(([entry]) => {
      this.#stop?.()
      this.#stop = entry?.isIntersecting === true ? this.#watch() : undefined
    })
    this.#watching.observe(this)
  }

  disconnectedCallback(): void {
    this.#watching?.disconnect()
    this.#stop?.()
  }

  #watch(): () => void {
    const { itemId = '' } = this.dataset
    return watch({ lot: itemId, receive: (event) => this.#receive(event), online: () => {} })
  }

  #receive({ kind, data }: LiveEvent): void {
    // A list was read a moment ago; what it missed comes with the next bid.
    if (kind === 'lot') this.#apply(data as unknown as Lot)
  }

  #apply(lot: Lot): void {
    if (!(lot.sequence > this.#sequence)) return
    this.#sequence = lot.sequence
    const { language, texts } = this.#words()
    const price = lot.finalAmount ?? lot.currentPrice
    if (price !== undefined) this.#set('price', moneyIn(language, this.dataset.currency)(price))
    if (lot.bidCount > 0) {
      const text = lot.bidCount === 1 ? texts.textOneBid : texts.textBids
      this.#set('count', (text ?? '').replace('{0}', String(lot.bidCount)))
    }
    const at = instantIn(language, texts.zone ?? 'UTC')(lot.endDate)
    const time = this.querySelector<HTMLTimeElement>('time[data-countdown]')
    if (lot.phase === 'open') {
      // What has not started when the list was read counts down to its start.
      if (time === null || this.querySelector('[data-part="ends"]') === null) return
      time.dateTime = lot.endDate
      this.#set('ends', (texts.textEnds ?? '').replace('{0}', at))
    } else if (lot.phase === 'closed') {
      const isSold = lot.outcome === 'sold' || lot.outcome === 'bought_now'
      this.#set('time', (isSold ? texts.textSold : texts.textUnsold) ?? '')
    }
  }

  #words(): { language: string; texts: DOMStringMap } {
    const list = this.closest<HTMLElement>('.cards')
    return { language: document.documentElement.lang, texts: list?.dataset ?? {} }
  }

  #set(name: string, text: string): void {
    const element = this.querySelector(`[data-part="${name}"]`)
    if (element !== null && element.textContent !== text) element.textContent = text
  }
}

customElements.define('live-card', LiveCard)
