import { colourError, pictures, SECRET } from '@auction/common/testing/pictures.ts'
import sharp from 'sharp'
import t from 'tap'
import { startIdentity } from '#test/helper.ts'

/** An account uploads at most twenty photos in a quarter of an hour. */
const UPLOADS = 20

t.test('files as people have them, as photos of a profile', async (t) => {
  const { app, register, login } = await startIdentity(t)
  const person = async (email: string) => {
    const { id } = (await register({ email })).json()
    const { token } = (await login({ email })).json()
    return { url: `/api/v1/user-profiles/${id}/photo`, token }
  }
  let owner = { url: '', token: '' }
  for (const [index, picture] of (await pictures()).entries()) {
    const { name, bytes, outcome, format, quarters, tolerance = 0 } = picture
    if (index % UPLOADS === 0) owner = await person(`ann${index}@example.org`)
    const { url, token } = owner
    await t.test(`${name}: ${outcome}`, async (t) => {
      const form = new FormData()
      // Neither the name nor the type that a browser gives a file says what it is.
      form.set('photo', new Blob([new Uint8Array(bytes)], { type: 'application/pdf' }), 'a.gif')
      const request = new Request('http://localhost', { method: 'PUT', body: form })
      const answer = await app.inject({
        method: 'PUT',
        url,
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': String(request.headers.get('content-type')),
        },
        payload: Buffer.from(await request.arrayBuffer()),
      })
      if (outcome !== 'taken') {
        const details = { reason: outcome, ...(format === undefined ? {} : { format }) }
        t.equal(answer.statusCode, 400)
        t.match(answer.json(), { code: 'identity.invalid_photo', details })
        return
      }
      t.equal(answer.statusCode, 200, answer.body)
      const shown = (await app.inject(answer.json().photoUrl)).rawPayload
      const { format: stored, width, height, exif, xmp, icc, iptc } = await sharp(shown).metadata()
      t.strictSame([stored, width, height], ['webp', 512, 512])
      t.notOk(exif ?? xmp ?? icc ?? iptc, 'no metadata')
      t.notOk(shown.includes(SECRET))
      if (quarters === undefined) return
      const error = await colourError(shown, quarters)
      t.ok(error <= tolerance, `its colours are off by ${error}`)
    })
  }
})
