import { randomUUIDv7 } from 'node:crypto'
import type { AccountStore, AuditEntry, Clock } from '@tallyfleet/ports'

/** Notes who did what to what. Never pass a secret in `detail`. */
export async function appendAudit(
  entry: Omit<AuditEntry, 'id' | 'at'>, { accounts, clock }: { accounts: AccountStore; clock: Clock },
): Promise<void> {
  await accounts.appendAudit({ id: randomUUIDv7(), at: clock.now(), ...entry })
}
