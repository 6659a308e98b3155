/**
 * Waits for the answers to statements that were sent one behind the other, without waiting, on a
 * connection with `pipeline`. In a transaction PostgreSQL runs none behind one that failed. Throws
 * the first error, and only when every statement is answered: a connection that still owes answers
 * would give them to its next user.
 */
export async function inOneFlight<T extends readonly unknown[]>(
  answers: {
    [K in keyof T]: Promise<T[K]>
  },
): Promise<T> {
  await Promise.allSettled(answers)
  return Promise.all(answers) as unknown as Promise<T>
}
