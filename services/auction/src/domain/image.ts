export const IMAGES_MAX = 12
export const IMAGE_BYTES_MAX = 5 * 1024 * 1024
/** Of an image as it is uploaded. */
export const IMAGE_PIXELS_MAX = 30_000_000
/** A pixel has three bytes or eight: interlaced files are decoded whole, whatever they hold. */
export const IMAGE_DECODED_BYTES_MAX = 100_000_000

/** The longest side of each size, in pixels. Smaller pictures stay as small as they are. */
export const IMAGE_SIDES = { small: 320, medium: 800, large: 1600 } as const
export type ImageSize = keyof typeof IMAGE_SIDES
export const IMAGE_SIZES = Object.keys(IMAGE_SIDES) as ImageSize[]

export type ImageKind = 'png' | 'jpeg' | 'webp'

const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
const JPEG = Buffer.from([0xff, 0xd8, 0xff])

/** The format of a file by its first bytes; its name and content type cannot be trusted. */
export function imageKind(bytes: Buffer): ImageKind | undefined {
  if (bytes.subarray(0, PNG.length).equals(PNG)) return 'png'
  if (bytes.subarray(0, JPEG.length).equals(JPEG)) return 'jpeg'
  const isWebp =
    bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP'
  return isWebp ? 'webp' : undefined
}

/** The names of an image's objects in the storage. Nothing in them comes from outside. */
export function objectKey(imageId: string, size: ImageSize): string {
  return `${imageId}.${size}.webp`
}

export function imagePath(itemId: string, imageId: string, size: ImageSize): string {
  return `/api/v1/items/${itemId}/images/${imageId}/${size}`
}

/** Whether `ids` names each of `known` once. */
export function isReordering(known: readonly string[], ids: readonly string[]): boolean {
  const wanted = new Set(ids)
  return (
    wanted.size === ids.length && ids.length === known.length && known.every((id) => wanted.has(id))
  )
}
