/// <reference lib="dom" />
// Of the page of pictures. Without it the form sends all files at once, and the page that answers says what came.

/** Larger photos are made smaller before they are sent: no size that is kept has longer sides than this. */
const SIDE_MAX = 1_600
const SMALL_BYTES = 1_000_000
/** What auction takes: the bytes of a file, and of pixels those of a picture that may be transparent. */
const FILE_BYTES_MAX = 5 * 1024 * 1024
const PIXELS_MAX = 25_000_000
/** Longer than the server waits for a file on a slow line, and works on it. */
const TIMEOUT_MS = 90_000

class SellPictures extends HTMLElement {
  connectedCallback(): void {
    this.querySelector('form')?.addEventListener('submit', (event) => {
      const input = this.querySelector<HTMLInputElement>('input[type="file"]')
      if (input === null || input.files === null || input.files.length === 0) return
      event.preventDefault()
      // The rule of all pages, that a second press does nothing, is for forms that leave the page.
      event.stopPropagation()
      const files = [...input.files]
      input.value = ''
      void this.sendAll(files)
    })
  }

  private text(name: string): string {
    return this.dataset[`text${name[0]?.toUpperCase()}${name.slice(1)}`] ?? ''
  }

  private say(text: string): void {
    const status = this.querySelector('[role="status"]')
    if (status !== null) status.textContent = text
  }

  private async sendAll(files: File[]): Promise<void> {
    const list = this.querySelector<HTMLUListElement>('.uploads')
    if (list === null) return
    list.hidden = false
    const lines = files.map((file) => {
      const line = document.createElement('li')
      const name = document.createElement('bdi')
      const state = document.createElement('span')
      name.textContent = file.name
      state.textContent = this.text('waiting')
      line.append(name, ' ', state)
      list.append(line)
      return { file, line, state }
    })
    let failed = 0
    // One after the other: a phone has one thin line.
    for (const each of lines) if (!(await this.sendOne(each))) failed += 1
    if (failed === 0) location.reload()
    else this.offerReload(list)
  }

  private async sendOne(line: {
    file: File
    line: HTMLLIElement
    state: HTMLSpanElement
  }): Promise<boolean> {
    const { file, state } = line
    const show = (text: string, kind: string) => {
      state.textContent = text
      state.className = kind
      this.say(`${file.name}: ${text}`)
    }
    show(this.text('sending'), '')
    const problem = await this.send(file)
    if (problem === undefined) {
      show(this.text('done'), 'good')
      return true
    }
    show(problem, 'wrong')
    const again = document.createElement('button')
    again.type = 'button'
    again.textContent = this.text('retry')
    again.addEventListener('click', () => {
      again.remove()
      void this.sendOne(line)
    })
    line.line.append(' ', again)
    return false
  }

  /** What is wrong; the same picture twice is one picture. */
  private async send(file: File): Promise<string | undefined> {
    const form = this.querySelector('form')
    const body = new FormData()
    body.append('image', await smaller(file), 'picture')
    try {
      const response = await fetch(form?.action ?? '', {
        method: 'POST',
        headers: { accept: 'application/json' },
        body,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      // The page answers 200 whatever is wrong. What a gateway answers in its place names no problem.
      if (!response.ok) return this.text('lost')
      const { problem } = (await response.json()) as { problem?: string }
      return problem
    } catch {
      return this.text('lost')
    }
  }

  private offerReload(list: HTMLUListElement): void {
    if (this.querySelector('a.button') !== null) return
    const link = document.createElement('a')
    link.className = 'button'
    link.href = ''
    link.textContent = this.text('show')
    list.after(link)
  }
}

/**
 * The file as it is, or a photo in the size that is kept. PNG and WebP, which may be transparent, stay as they are
 * whenever auction takes them; what auction takes in no size, such as GIF, always becomes a photo. What the browser
 * cannot read is sent as it is, and auction says what is wrong.
 */
async function smaller(file: File): Promise<Blob> {
  const mayBeTransparent = file.type === 'image/png' || file.type === 'image/webp'
  const isTaken = mayBeTransparent || file.type === 'image/jpeg'
  if (isTaken && file.size <= SMALL_BYTES) return file
  try {
    const bitmap = await createImageBitmap(file)
    const isSmall = file.size <= FILE_BYTES_MAX && bitmap.width * bitmap.height <= PIXELS_MAX
    const isFine = isTaken && isSmall
    const photo = isFine && mayBeTransparent ? null : await photoOf(bitmap)
    bitmap.close()
    return photo !== null && (!isFine || photo.size < file.size) ? photo : file
  } catch {
    return file
  }
}

function photoOf(bitmap: ImageBitmap): Promise<Blob | null> {
  const share = Math.min(1, SIDE_MAX / Math.max(bitmap.width, bitmap.height))
  const canvas = document.createElement('canvas')
  canvas.width = Math.max(1, Math.round(bitmap.width * share))
  canvas.height = Math.max(1, Math.round(bitmap.height * share))
  const context = canvas.getContext('2d')
  if (context === null) return Promise.resolve(null)
  // What is transparent would become black, because a JPEG has no such pixels.
  context.fillStyle = 'white'
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height)
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.9))
}

customElements.define('sell-pictures', SellPictures)
