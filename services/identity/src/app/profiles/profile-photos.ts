import type { Throttle } from '#src/app/throttling/throttle.ts'
import { refuseWhenFull } from '#src/app/throttling/when-full.ts'
import type { Visitor } from '#src/app/visitors/visitor.ts'
import { identityErrors } from '#src/errors.ts'
import type { PhotoEncoder } from '#src/infra/images/photo.ts'
import { deletePhoto, savePhoto } from '#src/infra/postgres/profiles/profile-photos.ts'
import type { LiveSession } from '#src/infra/postgres/sessions/sessions.ts'
import { lockSessionUser } from '#src/infra/postgres/users/users.ts'
import type { ProfileDependencies } from './profiles.ts'

export interface PhotoDependencies extends ProfileDependencies {
  encoder: PhotoEncoder
  throttle: Throttle
}

/** Counts an upload before it is read: decoding costs memory and time, whatever comes out. */
export async function admitUpload(
  { throttle }: PhotoDependencies,
  { id }: LiveSession,
  visitor: Visitor,
): Promise<void> {
  await throttle.admit({ scope: 'photo', subjects: ['account'], visitor, account: id })
}

/** Stores what an upload shows, encoded by us, as the owner's photo. */
export async function changePhoto(
  { db, encoder }: PhotoDependencies,
  session: LiveSession,
  upload: Buffer,
): Promise<void> {
  const encoding = await refuseWhenFull(encoder.encode(upload))
  if (encoding.outcome === 'too_slow') throw identityErrors.tooBusy()
  if (encoding.outcome !== 'encoded') {
    const { outcome: reason, ...found } = encoding
    throw identityErrors.invalidPhoto({ reason, ...found })
  }
  await db.transaction().execute(async (tx) => {
    const user = await lockSessionUser(tx, session)
    if (user === undefined) throw identityErrors.unauthenticated()
    await savePhoto(tx, user.id, encoding.content)
  })
}

export async function removePhoto({ db }: PhotoDependencies, session: LiveSession): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const user = await lockSessionUser(tx, session)
    if (user === undefined) throw identityErrors.unauthenticated()
    await deletePhoto(tx, user.id)
  })
}
