import type { Caller } from '@tallyfleet/features'

/** Whether somebody may make and change what all of the tenant see: people above viewers, and admin keys. */
export function mayShare({ key, user }: Caller): boolean {
  return user ? user.role !== 'viewer' : key.scopes.includes('admin')
}
