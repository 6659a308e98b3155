type Json = Record<string, unknown>

const METHODS = ['get', 'put', 'post', 'delete', 'patch', 'head', 'options', 'trace']

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null

/** What an OpenAPI 3.1 reader would stumble over in a document; empty when it is valid. */
export function openApiProblems(document: Json): string[] {
  const problems: string[] = []
  const demand = (isTrue: boolean, problem: string) => {
    if (!isTrue) problems.push(problem)
  }
  demand(/^3\.1\.\d+$/.test(String(document.openapi)), 'openapi is not 3.1')
  const info = isObject(document.info) ? document.info : {}
  demand(typeof info.title === 'string' && typeof info.version === 'string', 'info is incomplete')
  demand(isObject(info.license), 'no licence')
  demand(Array.isArray(document.servers) && document.servers.length > 0, 'no servers')
  const tags = new Set((Array.isArray(document.tags) ? document.tags : []).map(({ name }) => name))
  const ids = new Set<unknown>()
  for (const [path, methods] of Object.entries(isObject(document.paths) ? document.paths : {})) {
    demand(path.startsWith('/'), `${path} does not begin with a slash`)
    for (const [method, operation] of Object.entries(isObject(methods) ? methods : {})) {
      const name = `${method} ${path}`
      demand(METHODS.includes(method), `${name} is no method`)
      if (!isObject(operation)) {
        problems.push(`${name} is no operation`)
        continue
      }
      problems.push(...operationProblems(name, path, operation, document))
      demand(typeof operation.operationId === 'string', `${name} has no operationId`)
      demand(typeof operation.summary === 'string', `${name} has no summary`)
      for (const tag of Array.isArray(operation.tags) ? operation.tags : []) {
        demand(tags.has(tag), `${name}: tag ${tag} is not described`)
      }
      demand(!ids.has(operation.operationId), `${name} shares its operationId`)
      ids.add(operation.operationId)
    }
  }
  demand(isObject(document.paths) && Object.keys(document.paths).length > 0, 'no paths')
  for (const reference of referencesIn(document)) {
    demand(resolve(document, reference) !== undefined, `${reference} leads nowhere`)
  }
  return problems
}

function operationProblems(name: string, path: string, operation: Json, document: Json): string[] {
  const problems: string[] = []
  const parameters = (Array.isArray(operation.parameters) ? operation.parameters : []) as Json[]
  const declared = parameters.filter((one) => one.in === 'path').map((one) => String(one.name))
  const asked = [...path.matchAll(/\{([^}]+)\}/g)].map(([, parameter]) => String(parameter))
  if (declared.sort().join() !== asked.sort().join()) problems.push(`${name}: path parameters`)
  for (const { name: parameter, in: place, required, schema } of parameters) {
    if (!isObject(schema)) problems.push(`${name}: ${String(parameter)} has no schema`)
    if (place === 'path' && required !== true) problems.push(`${name}: ${String(parameter)}`)
  }
  const answers = Object.entries(isObject(operation.responses) ? operation.responses : {})
  if (answers.length === 0) problems.push(`${name} has no answers`)
  for (const [status, answer] of answers) {
    if (!/^([1-5](\d\d|XX)|default)$/.test(status)) problems.push(`${name}: answer ${status}`)
    const isReference = isObject(answer) && typeof answer.$ref === 'string'
    if (!isReference && (!isObject(answer) || typeof answer.description !== 'string')) {
      problems.push(`${name}: answer ${status} is not described`)
    }
    if (!isReference) problems.push(...unnamedSchemas(`${name}: answer ${status}`, answer))
  }
  for (const status of ['400', '429', '500', '503']) {
    if (!answers.some(([each]) => each === status)) problems.push(`${name}: no answer ${status}`)
  }
  problems.push(...unnamedSchemas(`${name}: body`, operation.requestBody))
  const components = isObject(document.components) ? document.components : {}
  const schemes = isObject(components.securitySchemes) ? components.securitySchemes : {}
  for (const requirement of Array.isArray(operation.security) ? operation.security : []) {
    for (const scheme of Object.keys(requirement)) {
      if (!Object.hasOwn(schemes, scheme)) problems.push(`${name}: security scheme ${scheme}`)
    }
  }
  return problems
}

/** Objects as JSON that have no name in the components: a generator would have to make one up. */
function unnamedSchemas(name: string, described: unknown): string[] {
  const content = isObject(described) && isObject(described.content) ? described.content : {}
  const json = isObject(content['application/json']) ? content['application/json'] : {}
  const isNamed = !isObject(json.schema) || typeof json.schema.$ref === 'string'
  return isNamed ? [] : [`${name} has no named schema`]
}

function referencesIn(value: unknown): string[] {
  if (!isObject(value)) return []
  const own = typeof value.$ref === 'string' ? [value.$ref] : []
  return [...own, ...Object.values(value).flatMap(referencesIn)]
}

function resolve(document: Json, reference: string): unknown {
  return reference
    .replace(/^#\//, '')
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), document)
}
