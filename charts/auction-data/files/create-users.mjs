// Brings the broker's vhost, users and rights to what the values say; may run any number of times.
import { readFile } from 'node:fs/promises'
import { env } from 'node:process'

const { MANAGEMENT_URL, VHOST } = env
const vhost = encodeURIComponent(VHOST)
const users = JSON.parse(env.USERS)
const WAIT_MS = 180_000
const STEP_MS = 1_000

async function secret(user, key) {
  return readFile(`/secrets/${user}/${key}`, 'utf8')
}

const credentials = `${await secret('admin', 'username')}:${await secret('admin', 'password')}`
const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`

async function put(path, body) {
  const response = await fetch(`${MANAGEMENT_URL}/api${path}`, {
    method: 'PUT',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  })
  if (!response.ok) throw new Error(`PUT ${path}: ${response.status} ${await response.text()}`)
}

async function untilReady() {
  for (const deadline = Date.now() + WAIT_MS; ; ) {
    try {
      return await put(`/vhosts/${vhost}`, { default_queue_type: 'quorum' })
    } catch (error) {
      if (Date.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, STEP_MS))
    }
  }
}

await untilReady()
for (const [user, { tags = [], permissions }] of Object.entries(users)) {
  const name = await secret(user, 'username')
  const password = await secret(user, 'password')
  await put(`/users/${encodeURIComponent(name)}`, { password, tags: tags.join(',') })
  await put(`/permissions/${vhost}/${encodeURIComponent(name)}`, permissions)
  console.log(
    `${name} may configure ${permissions.configure}, write ${permissions.write}, read ${permissions.read}`,
  )
}
