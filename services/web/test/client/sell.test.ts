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

/** What a browser reads of a file that holds the size of its picture. */
async function readPicture(file: File) {
  const [, width, height] = /^(\d+)x(\d+)/.exec(await file.text()) ?? []
  if (width === undefined) throw new Error('no picture')
  return { width: Number(width), height: Number(height), close: () => undefined }
}

/** A canvas that remembers what was done to it, and writes that into its JPEG. */
class Canvas extends Part {
  width = 0
  height = 0
  done: string[] = []
  getContext() {
    const { done } = this
    return {
      fillStyle: 'black',
      fillRect(x: number, y: number, width: number, height: number) {
        done.push(`${this.fillStyle} ${x} ${y} ${width} ${height}`)
      },
      drawImage: (_: object, x: number, y: number, width: number, height: number) =>
        done.push(`picture ${x} ${y} ${width} ${height}`),
    }
  }
  toBlob(resolve: (made: Blob) => void, type: string): void {
    resolve(new Blob([this.done.join(', ')], { type }))
  }
}

/** The page of pictures, whose server gives these answers one after the other. */
function openPictures(answers: [status: number, body: object][] = []) {
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
    createImageBitmap: readPicture,
    document: {
      createElement: (name: string) => (name === 'canvas' ? new Canvas() : new Part()),
    },
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

/** A file of so many bytes with a picture of this size. */
const file = (type: string, bytes: number, size = '3200x1600') =>
  new File([size.padEnd(bytes)], 'a picture', { type })

const MEBIBYTE = 1024 * 1024

t.test('what may be transparent is sent as it is, as long as auction takes it', async (t) => {
  for (const type of ['image/png', 'image/webp']) {
    for (const bytes of [1_000, 2 * MEBIBYTE, 5 * MEBIBYTE]) {
      const { choose, sent } = openPictures()
      await choose(file(type, bytes))
      t.match([sent[0]?.type, sent[0]?.size], [type, bytes])
    }
  }
})

t.test('a photo, and what auction takes in no size, is made a JPEG on white', async (t) => {
  const cases = [
    file('image/jpeg', 2 * MEBIBYTE),
    file('image/png', 5 * MEBIBYTE + 1),
    file('image/webp', 5 * MEBIBYTE + 1),
    file('image/gif', 10),
    file('image/gif', 2 * MEBIBYTE),
    file('image/heic', 9 * MEBIBYTE),
  ]
  for (const each of cases) {
    const { choose, sent } = openPictures()
    await choose(each)
    const made = 'white 0 0 1600 800, picture 0 0 1600 800'
    t.match([sent[0]?.type, await sent[0]?.text()], ['image/jpeg', made], each.type)
  }
  const { choose, sent } = openPictures()
  await choose(file('image/png', 2 * MEBIBYTE, '8000x6000'))
  t.equal(sent[0]?.type, 'image/jpeg', 'it has more pixels than auction takes')
})

t.test('a small photo, and what the browser cannot read, are sent as they are', async (t) => {
  const cases = [
    file('image/jpeg', 1_000),
    file('image/jpeg', 2 * MEBIBYTE, 'broken'),
    file('image/heic', 6 * MEBIBYTE, 'unknown'),
  ]
  for (const each of cases) {
    const { choose, sent } = openPictures()
    await choose(each)
    t.match([sent[0]?.type, sent[0]?.size], [each.type, each.size])
  }
})
