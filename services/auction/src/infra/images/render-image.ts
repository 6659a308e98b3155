import { createPermits, PermitsFullError } from '@auction/common/process/permits.ts'
import sharp, { type SharpOptions } from 'sharp'
import {
  IMAGE_DECODED_BYTES_MAX,
  IMAGE_PIXELS_MAX,
  IMAGE_SIDES,
  IMAGE_SIZES,
  type ImageKind,
  type ImageSize,
} from '#src/domain/image.ts'

const SECONDS_MAX = 8
const QUALITY = 82
const RUNNING_MAX = 1
const WAITING_MAX = 8

// More threads for one image would slow down all other requests, and libvips must not keep images of
// strangers in its cache.
sharp.concurrency(1)
sharp.cache(false)

export interface RenderedImage {
  objects: { size: ImageSize; bytes: Buffer }[]
  width: number
  height: number
}

export type Rendering =
  | { outcome: 'rendered'; image: RenderedImage }
  | { outcome: 'broken' | 'too_many_pixels' | 'busy' }

export type RenderImage = (bytes: Buffer, kind: ImageKind) => Promise<Rendering>

/** Decodes untrusted images, one at a time: with the worst one a process has 275 MB. */
export function createRenderImage(): RenderImage {
  const permits = createPermits({ concurrency: RUNNING_MAX, queueMax: WAITING_MAX })
  return async (bytes, kind) => {
    try {
      return await permits.run(() => render(bytes, kind))
    } catch (error) {
      if (error instanceof PermitsFullError) return { outcome: 'busy' }
      throw error
    }
  }
}

async function render(bytes: Buffer, kind: ImageKind): Promise<Rendering> {
  // A warning of the decoder is an error: half an image is broken.
  const options: SharpOptions = { limitInputPixels: IMAGE_PIXELS_MAX, failOn: 'warning' }
  try {
    const { format, width, height, channels, depth } = await sharp(bytes, options).metadata()
    if (format !== kind) return { outcome: 'broken' }
    const pixelBytes = Math.max(channels, 3) * (depth === 'uchar' ? 1 : 2)
    if (width * height * pixelBytes > IMAGE_DECODED_BYTES_MAX) return { outcome: 'too_many_pixels' }
    // Decoded once and upright. The output has no metadata, so no place where it was taken.
    const { data, info } = await sharp(bytes, options)
      .autoOrient()
      .resize({ ...inside(IMAGE_SIDES.large) })
      .toColourspace('srgb')
      .raw()
      .timeout({ seconds: SECONDS_MAX })
      .toBuffer({ resolveWithObject: true })
    const raw = { width: info.width, height: info.height, channels: info.channels }
    const objects: RenderedImage['objects'] = []
    for (const size of IMAGE_SIZES) {
      const encoded = await sharp(data, { raw })
        .resize(inside(IMAGE_SIDES[size]))
        .webp({ quality: QUALITY })
        .timeout({ seconds: SECONDS_MAX })
        .toBuffer()
      objects.push({ size, bytes: encoded })
    }
    return {
      outcome: 'rendered',
      image: { objects, width: info.width, height: info.height },
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (error.message.includes('timeout')) return { outcome: 'busy' }
    const isTooLarge = error.message.includes('pixel limit')
    return { outcome: isTooLarge ? 'too_many_pixels' : 'broken' }
  }
}

const inside = (side: number) =>
  ({ width: side, height: side, fit: 'inside', withoutEnlargement: true }) as const
