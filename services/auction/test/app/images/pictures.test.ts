import { colourError, pictures, SECRET } from '@auction/common/testing/pictures.ts'
import sharp from 'sharp'
import t from 'tap'
import { build, createDraft } from '#test/helper.ts'
import { upload } from '#test/images.ts'

const REFUSALS = {
  broken: { statusCode: 422, body: { code: 'item.image.broken' } },
  too_many_pixels: { statusCode: 422, body: { code: 'item.image.too_many_pixels' } },
  not_supported: { statusCode: 415, body: { code: 'item.image.type_not_supported' } },
}

t.test('files as people have them, as pictures of an item', async (t) => {
  const fixture = await build(t)
  for (const picture of await pictures()) {
    const { name, bytes, outcome, format, size, quarters, tolerance = 0 } = picture
    await t.test(`${name}: ${outcome}`, async (t) => {
      const itemId = await createDraft(fixture)
      // Neither the name nor the type that a browser gives a file says what it is.
      const file = { bytes, filename: 'a.gif', type: 'application/pdf' }
      const { statusCode, body } = await upload(fixture, fixture.seller, itemId, file)
      if (outcome !== 'taken') {
        t.match({ statusCode, body }, REFUSALS[outcome])
        if (format !== undefined) t.equal(body.details.format, format)
        return
      }
      t.equal(statusCode, 201, JSON.stringify(body))
      if (size !== undefined) t.strictSame([body.width, body.height], size)
      const url = `/api/v1/items/${itemId}/images/${body.id}/large`
      const shown = (await fixture.app.inject({ url, headers: fixture.seller.headers })).rawPayload
      const { format: stored, exif, xmp, icc, iptc } = await sharp(shown).metadata()
      t.equal(stored, 'webp')
      t.notOk(exif ?? xmp ?? icc ?? iptc, 'no metadata')
      t.notOk(shown.includes(SECRET))
      if (quarters === undefined) return
      const error = await colourError(shown, quarters)
      t.ok(error <= tolerance, `its colours are off by ${error}`)
    })
  }
})
