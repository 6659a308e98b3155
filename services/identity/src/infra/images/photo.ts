import { createPermits, type Permits } from '@auction/common/process/permits.ts'
import sharp from 'sharp'

export const PHOTO_BYTES_MAX = 5 * 1024 * 1024

/** The greatest photo that is stored, after encoding; the table says it again. */
const STORED_BYTES_MAX = 204_800
const EDGE_PIXELS = 512
/** About 40 megapixels decode into 160 MB; a small file can claim far more. */
const INPUT_PIXELS_MAX = 40_000_000
const DECODE_SECONDS_MAX = 5
const QUALITIES = [80, 60, 40, 20]

// Several images at a time would each hold a decoded one in memory.
const AT_ONCE = 1
const WAITING_MAX = 8

sharp.cache(false)
sharp.concurrency(1)

export interface PhotoEncoder {
  /** Throws PermitsFullError when too many wait; undefined when this is no image that we read. */
  encode(upload: Buffer): Promise<Buffer | undefined>
}

/** Makes small WebP images out of uploads, from their pixels alone: no metadata survives. */
export function createPhotoEncoder(
  permits: Permits = createPermits({ concurrency: AT_ONCE, queueMax: WAITING_MAX }),
): PhotoEncoder {
  return {
    encode: (upload) =>
      permits.run(async () => (isKnownFormat(upload) ? reencode(upload) : undefined)),
  }
}

async function reencode(upload: Buffer): Promise<Buffer | undefined> {
  try {
    const image = sharp(upload, { limitInputPixels: INPUT_PIXELS_MAX, failOn: 'error', pages: 1 })
      .timeout({ seconds: DECODE_SECONDS_MAX })
      .autoOrient()
      .resize(EDGE_PIXELS, EDGE_PIXELS, { fit: 'cover' })
    const pixels = await image.raw().toBuffer({ resolveWithObject: true })
    for (const quality of QUALITIES) {
      const { width, height, channels } = pixels.info
      const raw = { width, height, channels }
      const encoded = await sharp(pixels.data, { raw }).webp({ quality }).toBuffer()
      if (encoded.length <= STORED_BYTES_MAX) return encoded
    }
    return undefined
  } catch {
    // Broken, too large in pixels, or too slow: it is not accepted as a photo.
    return undefined
  }
}

/** What the first bytes say. The library reads many more formats, with many more flaws. */
function isKnownFormat(upload: Buffer): boolean {
  const starts = (text: string, offset = 0) =>
    upload.toString('latin1', offset, offset + text.length) === text
  const isPng = starts('\x89PNG\r\n\x1a\n')
  const isJpeg = starts('\xff\xd8\xff')
  return isPng || isJpeg || (starts('RIFF') && starts('WEBP', 8))
}
