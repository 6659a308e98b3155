import { setImmediate as turn } from 'node:timers/promises'
import { createContext, runInContext } from 'node:vm'
import t from 'tap'
import { ASSETS } from '#src/app/assets.ts'

/** An element as far as the script uses it. */
class Part {
  textContent = ''
  className = ''
  hidden = false
  parts: Part[] = []
  next: Part | undefined
  press: () => void = () => undefined
  append(...more: (Part | string)[]): void {
    this.parts.push(...more.filter((each) => typeof each !== 'string'))
  }
  after(next: Part): void {
    this.next = next
  }
  remove(): void {
    this.hidden = true
  }
  addEventListener(_: string, listener: () => void): void {
    this.press = listener
  }
}

/** The page of pictures, whose server gives these answers one after the other. */
function openPictures(answers: [status: number, body: object][]) {
  const list = new Part()
  const input = { files: [] as File[], value: '' }
  const sent: Blob[] = []
  let isLoadedAgain = false
  let submit: (event: object) => void = () => undefined
  const form = {
    action: '/sell/1/pictures',
    addEventListener: (_: string, listener: typeof submit) => {
      submit = listener
    },
  }
  class Page {
    dataset: Record<string, string> = {
      textSending: 'sending',
      textDone: 'done',
      textRetry: 'retry',
      textLost: 'lost',
    }
    querySelector(selector: string) {
      if (selector === 'form') return form
      if (selector === 'input[type="file"]') return input
      return selector === '.uploads' ? list : null
    }
  }
  const page = createContext({
    AbortSignal,
    FormData,
    HTMLElement: Page,
    customElements: {
      define: (_: string, Pictures: new () => { connectedCallback(): void }) =>
        new Pictures().connectedCallback(),
    },
    document: { createElement: () => new Part() },
    async fetch(_: string, { body }: { body: FormData }) {
      const image = body.get('image')
      if (image instanceof Blob) sent.push(image)
      const [status, content] = answers.shift() ?? [200, {}]
      return Response.json(content, { status })
    },
    location: {
      reload: () => {
        isLoadedAgain = true
      },
    },
  })
  runInContext(ASSETS.get('sell.js')?.content.toString() ?? '', page)
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await turn()
  }
  return {
    sent,
    isLoadedAgain: () => isLoadedAgain,
    /** What is said of each picture, and whether it is good. */
    said: () =>
      list.parts.map(({ parts: [, state] }) => `${state?.textContent} ${state?.className}`),
    async choose(...files: File[]) {
      input.files = files
      submit({ preventDefault: () => undefined, stopPropagation: () => undefined })
      await until(() => isLoadedAgain || list.next !== undefined)
    },
    async retry(index: number) {
      const [, state, button] = list.parts[index]?.parts ?? []
      button?.press()
      await until(() => state?.className !== '')
    },
  }
}

const picture = (name: string) => new File(['small'], name, { type: 'image/png' })

t.test('a picture that only a gateway answers is lost, and can be sent again', async (t) => {
  for (const status of [408, 429, 502, 503, 504]) {
    const refusal = { code: 'gateway.unavailable', message: 'for programs', traceId: 'f' }
    const { said, retry, choose, isLoadedAgain } = openPictures([
      [200, {}],
      [status, refusal],
      [200, { problem: 'too large' }],
    ])
    await choose(picture('a.png'), picture('b.png'), picture('c.png'))
    t.strictSame(said(), ['done good', 'lost wrong', 'too large wrong'], `after ${status}`)
    t.notOk(isLoadedAgain(), 'a new page would hide what is wrong')
    await retry(1)
    t.equal(said()[1], 'done good')
  }
})
