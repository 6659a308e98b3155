import t from 'tap'
import { type KubeObject, podsOf, specOf } from '#src/charts/objects.ts'
import { render } from '#src/charts/render.ts'

const BUCKET = 'auction.images.s3.bucket=pictures'
const WORKLOADS = ['Deployment/auction-auction-api', 'Deployment/auction-auction-worker']

const claims = (objects: readonly KubeObject[]) =>
  podsOf(objects).flatMap(({ owner, spec }) =>
    (spec.volumes ?? []).flatMap(({ persistentVolumeClaim: claim }) =>
      claim === undefined || !owner.startsWith('Deployment/')
        ? []
        : [`${owner} ${claim.claimName}`],
    ),
  )

t.test('every replica of API and worker sees the same pictures', async (t) => {
  const objects = await render('auction-platform', 'production')
  const claim = objects.find(({ kind }) => kind === 'PersistentVolumeClaim')
  t.match(claim?.spec, { accessModes: ['ReadWriteMany'] }, 'from whatever node')
  t.same(
    claims(objects),
    WORKLOADS.map((owner) => `${owner} ${claim?.metadata.name}`),
  )
})

t.test('a bucket takes the place of the volume', async (t) => {
  const objects = await render('auction-platform', 'production', { set: [BUCKET] })
  t.equal(
    objects.find(({ kind }) => kind === 'PersistentVolumeClaim'),
    undefined,
  )
  t.same(claims(objects), [])
})

for (const [endpoint, port] of [
  ['', 443],
  ['https://s3.example.com', 443],
  ['http://minio.storage', 80],
  ['https://minio.storage.svc:9000', 9000],
] as const) {
  t.test(`pictures leave to ${endpoint || "the vendor's bucket"} at port ${port}`, async (t) => {
    const set = [BUCKET, `auction.images.s3.endpoint=${endpoint}`]
    const objects = await render('auction-platform', 'production', { set })
    const before = await render('auction-platform', 'production')
    t.same(
      leavers(objects, port).filter((owner) => !leavers(before, port).includes(owner)),
      WORKLOADS,
    )
  })
}

interface Policy {
  egress?: { ports?: { port: number }[]; to?: { ipBlock?: { cidr: string } }[] }[]
}

const leavers = (objects: readonly KubeObject[], port: number) =>
  objects
    .filter((object) => object.kind === 'NetworkPolicy' && leaves(object, port))
    .map(({ metadata }) => `Deployment/${metadata.name}`)
    .toSorted()

function leaves(object: KubeObject, port: number): boolean {
  const { egress = [] } = specOf<Policy>(object)
  const isInternet = (peer: { ipBlock?: { cidr: string } }) => peer.ipBlock?.cidr === '0.0.0.0/0'
  return egress.some(
    ({ ports, to }) => ports?.some((one) => one.port === port) && to?.some(isInternet),
  )
}
