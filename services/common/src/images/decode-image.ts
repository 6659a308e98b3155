import sharp, { type ResizeOptions, type SharpOptions } from 'sharp'
import { cleanJpeg } from './clean-jpeg.ts'
import { type ImageFormat, imageFormat } from './image-format.ts'

/** Of a picture as it is uploaded. */
export const IMAGE_BYTES_MAX = 5 * 1024 * 1024
const PIXELS_MAX = 30_000_000
/** A pixel has three bytes or eight: interlaced files are decoded whole, whatever they hold. */
const DECODED_BYTES_MAX = 100_000_000
const SECONDS_MAX = 8
// Of the decoder, in hexadecimal. Nothing is taken by such a text alone.
const SURPLUS = /(\d+) extraneous bytes before marker 0x([0-9a-f]{2})/
const SURPLUS_TRIES = 4

// More threads for one image would slow down all other requests, and libvips must not keep images of
// strangers in its cache.
sharp.concurrency(1)
sharp.cache(false)

/** Upright pixels in sRGB, eight bits a channel, and nothing else of the file. */
export interface DecodedImage {
  readonly data: Buffer
  readonly width: number
  readonly height: number
  readonly channels: 1 | 2 | 3 | 4
}

export type Decoding =
  | { readonly outcome: 'decoded'; readonly image: DecodedImage }
  | { readonly outcome: 'not_supported'; readonly format: string }
  | { readonly outcome: 'too_many_pixels' | 'too_slow' }
  | { readonly outcome: 'broken' }

type Attempt =
  | Exclude<Decoding, { outcome: 'broken' }>
  | { readonly outcome: 'broken'; readonly warning: string }

/**
 * Decodes an untrusted picture in the size that is wanted: PNG, JPEG or WebP by its bytes, the first frame of
 * an animated one. What it says of itself is used and then gone: it is turned upright, its colours are converted to
 * sRGB, and no metadata is left. A picture is `broken` when any part of it is missing or damaged.
 *
 * The caller limits how many run at once: with the worst picture a process has 275 MB.
 */
export async function decodeImage(bytes: Buffer, size: ResizeOptions): Promise<Decoding> {
  const { isRead, format } = imageFormat(bytes)
  if (!isRead) return { outcome: 'not_supported', format }
  const decoding =
    format === 'jpeg' ? await decodeJpeg(bytes, size) : await decode(bytes, format, size)
  return decoding.outcome === 'broken' ? { outcome: 'broken' } : decoding
}

/**
 * Tries again without bytes that the decoder calls surplus at the end of scans, as long as one picture may take. Only a
 * file without any warning is taken, so a try that removes too much is refused.
 */
async function decodeJpeg(bytes: Buffer, size: ResizeOptions): Promise<Attempt> {
  const deadlineMs = performance.now() + SECONDS_MAX * 1_000
  let attempt = await decode(cleanJpeg(bytes), 'jpeg', size)
  const surplus = new Map<number, number>()
  for (let tries = 0; tries < SURPLUS_TRIES && performance.now() < deadlineMs; tries++) {
    const [, count, marker] = surplusOf(attempt) ?? []
    if (count === undefined || marker === undefined) break
    // Zeros are removed first, wherever they are. Of other bytes, some are read ahead without being
    // called surplus, in one scan more than in the next.
    if (tries > 0) {
      const code = Number.parseInt(marker, 16)
      surplus.set(code, (surplus.get(code) ?? 0) + Number(count))
    }
    const seconds = Math.max(1, Math.round((deadlineMs - performance.now()) / 1_000))
    attempt = await decode(cleanJpeg(bytes, surplus), 'jpeg', size, seconds)
  }
  return attempt
}

function surplusOf(attempt: Attempt): RegExpExecArray | null {
  return attempt.outcome === 'broken' ? SURPLUS.exec(attempt.warning) : null
}

/** Of libvips, which gives a picture up that takes too long. */
export const isTimeout = (error: unknown): boolean =>
  error instanceof Error && error.message.includes('timeout')

async function decode(
  bytes: Buffer,
  expected: ImageFormat,
  size: ResizeOptions,
  seconds = SECONDS_MAX,
): Promise<Attempt> {
  // A warning of the decoder is an error: half an image is broken.
  const options: SharpOptions = { limitInputPixels: PIXELS_MAX, failOn: 'warning' }
  try {
    const { format, width, height, channels, depth, icc } = await sharp(bytes, options).metadata()
    if (format !== expected) return { outcome: 'broken', warning: `${format} file` }
    const pixelBytes = Math.max(channels, 3) * (depth === 'uchar' ? 1 : 2)
    if (width * height * pixelBytes > DECODED_BYTES_MAX) return { outcome: 'too_many_pixels' }
    const upright = sharp(bytes, options).autoOrient().resize(size).toColourspace('srgb')
    // With 16 bits and a profile sharp works in P3, and would leave the colours there.
    const isInP3 = depth !== 'uchar' && icc !== undefined
    const { data, info } = await (isInP3 ? upright.withIccProfile('srgb') : upright)
      .raw()
      .timeout({ seconds })
      .toBuffer({ resolveWithObject: true })
    const image = { data, width: info.width, height: info.height, channels: info.channels }
    return { outcome: 'decoded', image }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (isTimeout(error)) return { outcome: 'too_slow' }
    if (error.message.includes('pixel limit')) return { outcome: 'too_many_pixels' }
    return { outcome: 'broken', warning: error.message }
  }
}
