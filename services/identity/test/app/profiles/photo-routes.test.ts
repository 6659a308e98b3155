import { crc32, deflateSync } from 'node:zlib'
import sharp from 'sharp'
import t from 'tap'
import { startIdentity } from '#test/helper.ts'

const image = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: { r: 200, g: 30, b: 30 } } })

/** A multipart body as browsers send it. */
function form(content: Buffer, { part = 'photo', type = 'image/png' } = {}) {
  const boundary = 'xxBOUNDARYxx'
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="${part}"; filename="a.png"\r\ncontent-type: ${type}\r\n\r\n`
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    payload: Buffer.concat([Buffer.from(head), content, Buffer.from(`\r\n--${boundary}--\r\n`)]),
  }
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, sum])
}

/** A PNG of a few hundred bytes whose header claims 50,000 × 50,000 pixels. */
function bomb(): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(50_000, 0)
  header.writeUInt32BE(50_000, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const data = chunk('IDAT', deflateSync(Buffer.alloc(100_000)))
  const magic = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
  return Buffer.concat([magic, chunk('IHDR', header), data, chunk('IEND', Buffer.alloc(0))])
}

async function start(t: Parameters<typeof startIdentity>[0]) {
  const identity = await startIdentity(t)
  const { app } = identity
  const person = async (email: string) => {
    const { id } = (await identity.register({ email })).json()
    const { token } = (await identity.login({ email })).json()
    return { id: id as string, headers: { authorization: `Bearer ${token}` } }
  }
  const ann = await person('ann@example.org')
  const url = `/api/v1/user-profiles/${ann.id}/photo`
  const put = (content: Buffer, headers: object = ann.headers, options = {}) => {
    const body = form(content, options)
    return app.inject({ method: 'PUT', url, ...body, headers: { ...body.headers, ...headers } })
  }
  const show = (headers = {}) => app.inject({ url, headers })
  return { ...identity, ann, person, url, put, show }
}

t.test('PNG, JPEG and WebP become WebP of 512 pixels without metadata', async (t) => {
  const { app, ann, url, put, show } = await start(t)
  t.equal((await show()).statusCode, 404)
  const exif = { IFD0: { Copyright: 'secret place', ImageDescription: 'secret place' } }
  const uploads = [
    await image(1_000, 400).withExif(exif).jpeg().toBuffer(),
    await image(30, 90).png().toBuffer(),
    await image(600, 600).webp().toBuffer(),
  ]
  t.ok(uploads[0]?.includes('secret place'))
  for (const upload of uploads) {
    const answer = await put(upload)
    t.equal(answer.statusCode, 200)
    t.match(answer.json().photoUrl, new RegExp(`^${url}\\?v=[0-9a-f]{16}$`))
    const shown = await app.inject(answer.json().photoUrl)
    t.equal(shown.headers['content-type'], 'image/webp')
    t.equal(shown.headers['x-content-type-options'], 'nosniff')
    t.notOk(shown.rawPayload.includes('secret place'))
    const { format, width, height, exif: left } = await sharp(shown.rawPayload).metadata()
    t.same([format, width, height, left], ['webp', 512, 512, undefined])
    t.ok(shown.rawPayload.length <= 204_800)
    const again = await show({ 'if-none-match': `W/${shown.headers.etag}, "other"` })
    t.equal(again.statusCode, 304)
    t.equal(again.body, '')
    const head = await app.inject({ method: 'HEAD', url })
    t.match(head, { statusCode: 200, body: '', headers: { 'content-type': 'image/webp' } })
  }
  const removed = await app.inject({ method: 'DELETE', url, headers: ann.headers })
  t.equal(removed.statusCode, 204)
  t.equal((await show()).statusCode, 404)
})

t.test('noise, which compresses worst, still fits', async (t) => {
  const { put, show } = await start(t)
  const noise = { type: 'gaussian', mean: 128, sigma: 80 } as const
  const create = { width: 512, height: 512, channels: 3, background: '#000', noise } as const
  t.equal((await put(await sharp({ create }).png().toBuffer())).statusCode, 200)
  t.ok((await show()).rawPayload.length <= 204_800)
})

t.test('what is no such image is refused, whatever it calls itself', async (t) => {
  const { put, show, app, url, ann } = await start(t)
  const good = await image(40, 40).png().toBuffer()
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script/></svg>'
  const wrong: [string, Buffer][] = [
    ['SVG', Buffer.from(svg)],
    ['GIF', await image(9, 9).gif().toBuffer()],
    ['TIFF', await image(9, 9).tiff().toBuffer()],
    ['a page', Buffer.from('<html><script>alert(1)</script>')],
    ['nothing', Buffer.alloc(0)],
    ['the magic bytes alone', good.subarray(0, 8)],
    ['half an image', (await image(900, 900).png().toBuffer()).subarray(0, 1_000)],
    ['50,000 × 50,000 pixels', bomb()],
  ]
  for (const [name, content] of wrong) {
    const answer = await put(content)
    t.equal(answer.statusCode, 400, name)
    t.match(answer.json(), { code: 'identity.invalid_photo' }, name)
  }
  const elsewhere = await put(good, ann.headers, { part: 'avatar' })
  t.match(elsewhere.json(), { code: 'identity.invalid_photo' })
  const json = { method: 'PUT', url, headers: ann.headers, payload: { photo: 'x' } } as const
  t.match((await app.inject(json)).json(), { code: 'identity.invalid_photo' })
  const whole = form(good)
  for (const [name, headers, payload] of [
    ['no boundary', { 'content-type': 'multipart/form-data' }, whole.payload],
    ['no end', whole.headers, whole.payload.subarray(0, -18)],
    ['half a header', whole.headers, whole.payload.subarray(0, 40)],
    ['no parts', whole.headers, Buffer.from('{"photo":"x"}')],
  ] as const) {
    const request = {
      method: 'PUT',
      url,
      payload,
      headers: { ...ann.headers, ...headers },
    } as const
    const answer = await app.inject(request)
    t.equal(answer.statusCode, 400, name)
    t.match(answer.json(), { code: 'identity.invalid_photo' }, name)
  }
  const large = await put(Buffer.concat([good, Buffer.alloc(5 * 1024 * 1024)]))
  t.equal(large.statusCode, 413)
  t.match(large.json(), { code: 'identity.photo_too_large' })
  t.equal((await show()).statusCode, 404, 'nothing was stored')
})

t.test('36 a photo is changed by its owner alone, by the path of older clients too', async (t) => {
  const { app, ann, url, put, show, person } = await start(t)
  const good = await image(40, 40).png().toBuffer()
  const eve = await person('eve@example.org')
  t.equal((await put(good, {})).statusCode, 401)
  t.match((await put(good, eve.headers)).json(), { code: 'identity.not_your_profile' })
  const removed = await app.inject({ method: 'DELETE', url, headers: eve.headers })
  t.equal(removed.statusCode, 403)
  t.equal((await show()).statusCode, 404)
  const body = form(good)
  const older = await app.inject({
    method: 'POST',
    url: `/api/v1/user-profiles/${ann.id}/change-profile-photo`,
    ...body,
    headers: { ...body.headers, ...ann.headers },
  })
  t.equal(older.statusCode, 200)
  t.equal((await show()).statusCode, 200)
})

t.test('twenty uploads in a quarter of an hour are decoded, good or not', async (t) => {
  const { put } = await start(t)
  const statuses = await Promise.all(
    Array.from({ length: 25 }, async () => (await put(Buffer.from('no image'))).statusCode),
  )
  t.equal(statuses.filter((status) => status === 429).length, 5)
})

t.test('a large body is refused everywhere else', async (t) => {
  const { app, ann } = await start(t)
  const body = form(Buffer.alloc(8_000))
  const headers = { ...body.headers, ...ann.headers }
  for (const [method, url] of [
    ['PUT', `/api/v1/user-profiles/${ann.id}`],
    ['POST', '/identity/login'],
  ] as const)
    t.equal((await app.inject({ method, url, ...body, headers })).statusCode, 415)
})
