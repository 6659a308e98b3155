import { crc32, deflateSync } from 'node:zlib'
import sharp from 'sharp'
import type { Fixture } from '#test/helper.ts'
import type { Person } from '#test/neighbours.ts'

/** A picture of one colour with a place in its metadata, as a telephone makes it. */
export function picture(kind: 'png' | 'jpeg' | 'webp', width = 60, height = 40): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: '#28a' } })
    .withExif({ IFD0: { Copyright: 'secret place' }, IFD3: { GPSLatitude: '51/1 30/1 0/1' } })
    .toFormat(kind)
    .toBuffer()
}

/** A PNG that says it is huge: a few bytes that would unpack to ten gigabytes. */
export function bomb(side = 50_000, bits = 8): Buffer {
  const size = Buffer.alloc(13)
  size.writeUInt32BE(side, 0)
  size.writeUInt32BE(side, 4)
  size.set([bits, 6, 0, 0, 0], 8)
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', size),
    chunk('IDAT', deflateSync(Buffer.alloc(200_000))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, sum])
}

interface Part {
  bytes: Buffer
  field?: string
  filename?: string
  type?: string
}

/** Sends files as a browser's form would. */
export const upload = (
  fixture: Pick<Fixture, 'app'>,
  as: Person | undefined,
  itemId: string,
  ...parts: Part[]
) => uploadTo(fixture, as, `/api/v1/items/${itemId}/images`, ...parts)

/** The same picture again adds none. */
export const uploadOnce = (
  fixture: Pick<Fixture, 'app'>,
  as: Person | undefined,
  itemId: string,
  ...parts: Part[]
) => uploadTo(fixture, as, `/api/v1/items/${itemId}/images?once=true`, ...parts)

async function uploadTo(
  { app }: Pick<Fixture, 'app'>,
  as: Person | undefined,
  url: string,
  ...parts: Part[]
) {
  const boundary = 'a-line-between'
  const chunks = parts.map(
    ({ bytes, field = 'image', filename = 'photo.png', type = 'image/png' }) =>
      Buffer.concat([
        Buffer.from(
          `--${boundary}\r\ncontent-disposition: form-data; name="${field}"; filename="${filename}"\r\ncontent-type: ${type}\r\n\r\n`,
        ),
        bytes,
        Buffer.from('\r\n'),
      ]),
  )
  const response = await app.inject({
    method: 'POST',
    url,
    headers: { ...as?.headers, 'content-type': `multipart/form-data; boundary=${boundary}` },
    payload: Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)]),
  })
  return { statusCode: response.statusCode, body: response.json() }
}
