/** What an operator can give and take. Every account has the role user, always. */
export const GRANTABLE_ROLES = ['seller', 'moderator', 'admin'] as const

export type GrantableRole = (typeof GRANTABLE_ROLES)[number]

const ORDER: readonly string[] = ['user', ...GRANTABLE_ROLES]

/** The roles with one more, in an order of their own so that equal sets look equal. */
export function withRole(roles: readonly string[], role: GrantableRole): string[] {
  return sorted([...new Set([...roles, role])])
}

export function withoutRole(roles: readonly string[], role: GrantableRole): string[] {
  return sorted(roles.filter((one) => one !== role))
}

export function isOperator(roles: readonly string[]): boolean {
  return isAdmin(roles) || roles.includes('moderator')
}

export function isAdmin(roles: readonly string[]): boolean {
  return roles.includes('admin')
}

function sorted(roles: readonly string[]): string[] {
  return [...roles].sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b))
}
