import { type AddressInfo, connect } from 'node:net'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { PERSON, startIdentity } from '#test/helper.ts'

t.test('who hangs up gets neither the try nor the place to hash back', async (t) => {
  const { app, permits, register, login } = await startIdentity(t)
  await register({})
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  let open = () => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  const held = [permits.run(() => gate), permits.run(() => gate)]
  const body = JSON.stringify({ email: PERSON.email, password: 'a wrong password' })
  const head = `content-type: application/json\r\ncontent-length: ${body.length}`
  for (let tries = 1; tries <= 5; tries += 1) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write(`POST /identity/login HTTP/1.1\r\nhost: x\r\n${head}\r\n\r\n${body}`)
    await waitFor('the guess to wait for a permit', () => permits.waiting === tries)
    socket.destroy()
  }
  await waitFor('the server to notice', async () => (await connections()) === 0)
  t.equal(permits.waiting, 5, 'they wait on although no client waits for them')
  t.equal(permits.active, 2, 'and no more run at once')
  open()
  await Promise.all(held)
  await waitFor('the guesses to be checked', () => permits.active === 0)
  t.equal((await login({})).statusCode, 429, 'the tries are used up')

  function connections(): Promise<number> {
    return new Promise((resolve, reject) => {
      app.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)))
    })
  }
})
