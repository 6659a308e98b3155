import {
  type Answer,
  type Asked,
  CATEGORY_ID,
  CHILD_ID,
  healthy,
  ITEM_ID,
  item,
  OWN_PAGE,
  SELLER_ID,
  startApp,
  startUpstream,
} from '#test/helper.ts'

export const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
export const ITEM_PATH = `/api/v1/items/${ITEM_ID}`
export const SELL = `/sell/${ITEM_ID}`
export const IMAGES = [
  '019a0000-0000-7000-8000-0000000000e1',
  '019a0000-0000-7000-8000-0000000000e2',
]

const claims = (sub: string) =>
  Buffer.from(JSON.stringify({ sub, name: 'Ada' })).toString('base64url')
/** What the gateway sends for the seller of the item, and for another user. */
export const AS_SELLER = { authorization: `Bearer a.${claims(SELLER_ID)}.c` }
export const AS_OTHER = { authorization: `Bearer a.${claims(CATEGORY_ID)}.c` }

const image = (id: string, altText = '') => ({
  id,
  alt_text: altText,
  width: 800,
  height: 600,
  urls: { small: `/${id}/s`, medium: `/${id}/m`, large: `/${id}/l` },
})

export const draft = {
  ...item,
  status: 'draft',
  type: 'english',
  bidCount: 0,
  hasReserve: false,
  reserveMet: false,
  categories: [CHILD_ID],
  originalEndDate: '2026-11-30T18:00:00.000Z',
  endDate: '2026-11-30T18:00:00.000Z',
  hardEndDate: '2026-11-30T19:00:00.000Z',
  startDate: '2026-11-23T17:00:00.000Z',
  extensionThresholdMinutes: 10,
  extensionDurationMinutes: 5,
  extensionMode: 'from_end',
  images: [image(IMAGES[0] ?? '', 'The "front" <b>'), image(IMAGES[1] ?? '')],
  serverTime: '2026-11-23T18:00:00.000Z',
}

export const childCategory = {
  id: CHILD_ID,
  path: [
    { id: CATEGORY_ID, name: 'Instruments' },
    { id: CHILD_ID, name: 'Sextants' },
  ],
  attributes: [
    { key: 'maker', label: 'Maker', kind: 'text', unit: null, choices: null },
    { key: 'radius', label: 'Radius', kind: 'number', unit: 'cm', choices: null },
    { key: 'metal', label: 'Metal', kind: 'choice', unit: null, choices: ['Brass', 'Steel'] },
  ],
}

export const ATTRIBUTE_ID = '019a0000-0000-7000-8000-0000000000a1'
const attributes = [{ id: ATTRIBUTE_ID, key: 'maker', value: 'Plath' }]
const quote = (amount: string) => ({
  commission: '10.00',
  tax: '0.00',
  net: amount === '100.00' ? '90.00' : '0.00',
  basisPoints: 1000,
  currencyCode: 'EUR',
})

export interface Setup {
  overrides?: Record<string, unknown>
  /** Answers to what is sent; undefined: 200 with the item. */
  answer?: (request: Asked) => ReturnType<Answer> | undefined
  /** Another answer to what is read at an address. */
  read?: (url: string) => ReturnType<Answer> | undefined
  /** Headers of what is read. */
  headersOf?: (url: string) => Record<string, string>
}

export async function start(
  t: Parameters<typeof startApp>[0],
  {
    overrides = {},
    answer = () => undefined,
    read = () => undefined,
    headersOf = () => ({}),
  }: Setup = {},
) {
  const reads = healthy({
    [ITEM_PATH]: draft,
    [`${ITEM_PATH}/attributes`]: { items: attributes },
    [`/api/v1/categories/${CHILD_ID}`]: childCategory,
    '/api/v1/my/items': { items: [], counts: {}, serverTime: draft.serverTime },
    '/api/v1/billing/commission': quote('100.00'),
    '/identity/seller-terms': { version: '2026-01' },
    ...overrides,
  })
  const upstream = await startUpstream(t, (url, request) =>
    request.method === 'GET'
      ? (read(url) ?? { ...reads(url), headers: headersOf(url) })
      : (answer(request) ?? { status: 200, body: draft }),
  )
  const app = await startApp(t, upstream.url)
  return {
    app,
    asked: () => upstream.asked,
    sent: () => upstream.asked.filter(({ method }) => method !== 'GET'),
    get: (url: string, headers: object = AS_SELLER) => app.inject({ url, headers: { ...headers } }),
    post: (url: string, values: Record<string, string>, headers: object = AS_SELLER) =>
      app.inject({
        method: 'POST',
        url,
        headers: { ...FORM, ...OWN_PAGE, ...headers },
        payload: new URLSearchParams(values).toString(),
      }),
    upload: (files: [name: string, content: string][], headers: object = {}) => {
      const parts = files.map(
        ([name, content]) =>
          `--x\r\ncontent-disposition: form-data; name="image"; filename="${name}"\r\ncontent-type: image/png\r\n\r\n${content}\r\n`,
      )
      return app.inject({
        method: 'POST',
        url: `${SELL}/pictures`,
        headers: {
          ...OWN_PAGE,
          ...AS_SELLER,
          'content-type': 'multipart/form-data; boundary=x',
          ...headers,
        },
        payload: `${parts.join('')}--x--\r\n`,
      })
    },
  }
}

export const refusal = (status: number, code: string, details?: object) => ({
  status,
  body: { code, message: 'in English, for programs', details, traceId: 'f'.repeat(32) },
})
export const summaryOf = (body: string) =>
  [...body.matchAll(/<li>(?:<a href="(#field-[^"]+)">)?([^<]*)/g)]
    .slice(0, 1)
    .map(([, a, b]) => [a, b])[0]
export const fieldOf = (body: string, name: string) =>
  new RegExp(`<(?:input|select|textarea)[^>]* name="${name}"[^>]*>`).exec(body)?.[0] ?? ''

const PLAIN: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&amp;': '&',
}
const plain = (text = '') =>
  text.replaceAll(/&(?:lt|gt|quot|#39|amp);/g, (each) => PLAIN[each] ?? '')

/** What a browser sends of a form of a page in which nothing was changed. */
export function formIn(body: string, name: string): Record<string, string> {
  const [form = ''] = new RegExp(`<form[^>]* data-form="${name}"[\\s\\S]*?</form>`).exec(body) ?? []
  const fields: Record<string, string> = {}
  const tags = /<input[^>]*>|<textarea[^>]*>[^<]*<\/textarea>|<select[\s\S]*?<\/select>/g
  for (const [tag] of form.matchAll(tags)) {
    const [, field = ''] = / name="([^"]*)"/.exec(tag) ?? []
    if (/ type="(?:radio|checkbox)"/.test(tag) && !tag.includes(' checked')) continue
    if (tag.startsWith('<input')) fields[field] = plain(/ value="([^"]*)"/.exec(tag)?.[1])
    else if (tag.startsWith('<select')) {
      const chosen =
        /<option value="([^"]*)" selected/.exec(tag) ?? /<option value="([^"]*)"/.exec(tag)
      fields[field] = plain(chosen?.[1])
    } else {
      const [, text = ''] = />\n?([^<]*)<\/textarea>/.exec(tag) ?? []
      fields[field] = plain(text).replaceAll(/\r\n?|\n/g, '\r\n')
    }
  }
  return fields
}
