const START_OF_SCAN = 0xda
const END_OF_IMAGE = 0xd9
/** Marker, length, the number of components, and the three fields behind them. */
const SCAN_BYTES_MIN = 8
const PIECES_MAX = 10_000
const JFIF = Buffer.from('JFIF\0', 'latin1')

/**
 * The segments and scans of a JPEG, without bytes that belong to none of them, and with two fields as they must be
 * that cameras set wrong. A decoder skips such bytes and ignores such fields, but with a warning, and a warning is how
 * half a picture is found out: a clean file can be decoded without tolerating any.
 *
 * Bytes at the end of a scan may belong to it. With `surplus`, zeros there are removed, and then so many
 * bytes as it has for the marker behind the scan.
 */
export function cleanJpeg(bytes: Buffer, surplus?: ReadonlyMap<number, number>): Buffer {
  const pieces = [bytes.subarray(0, 2)]
  let isSequential = false
  for (let at = nextMarker(bytes, 2); at !== undefined; ) {
    const code = bytes[at + 1] ?? 0
    if (code === END_OF_IMAGE) {
      pieces.push(bytes.subarray(at, at + 2))
      break
    }
    if (code === 0xc0 || code === 0xc1) isSequential = true
    const end = segmentEnd(bytes, at)
    pieces.push(corrected(bytes.subarray(at, end), isSequential))
    // No camera writes so many: as it is, the decoder refuses what is wrong in it.
    if (pieces.length > PIECES_MAX) return bytes
    at = nextMarker(bytes, end)
    if (code !== START_OF_SCAN) continue
    const scan = bytes.subarray(end, at)
    const count = at === undefined ? 0 : (surplus?.get(bytes[at + 1] ?? 0) ?? 0)
    pieces.push(surplus === undefined ? scan : withoutEnd(scan, count))
  }
  return Buffer.concat(pieces)
}

/** Where the next marker stands. Restart markers and stuffed zeros are part of what lies between. */
function nextMarker(bytes: Buffer, from: number): number | undefined {
  for (let at = bytes.indexOf(0xff, from); at !== -1; at = bytes.indexOf(0xff, at + 1)) {
    const code = bytes[at + 1]
    if (code === undefined) return undefined
    const isData = code === 0 || code === 1 || code === 0xff || (code >= 0xd0 && code <= 0xd7)
    if (!isData) return at
  }
  return undefined
}

/** A segment without a whole length goes to the end of the file, where the decoder fails. */
function segmentEnd(bytes: Buffer, marker: number): number {
  if (marker + 4 > bytes.length) return bytes.length
  const end = marker + 2 + Math.max(2, bytes.readUInt16BE(marker + 2))
  return Math.min(end, bytes.length)
}

/** A sequential picture has one scan of all coefficients, and JFIF has only one major version. */
function corrected(segment: Buffer, isSequential: boolean): Buffer {
  const isScan = segment[1] === START_OF_SCAN && isSequential && segment.length >= SCAN_BYTES_MIN
  const isJfif = segment[1] === 0xe0 && segment.length > 10 && JFIF.equals(segment.subarray(4, 9))
  if (!isScan && !isJfif) return segment
  const copy = Buffer.from(segment)
  if (isScan) copy.set([0, 63, 0], copy.length - 3)
  else copy[9] = 1
  return copy
}

function withoutEnd(scan: Buffer, count: number): Buffer {
  let end = scan.length
  // The zero behind 0xff is no filling.
  while (end > 0 && scan[end - 1] === 0 && scan[end - 2] !== 0xff) end -= 1
  return scan.subarray(0, Math.max(0, end - count))
}
