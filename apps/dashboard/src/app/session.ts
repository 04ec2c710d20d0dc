import type { AnswerOf, sessionAnswerSchema } from '@tallyfleet/api-contract'
import { shallowRef, type ShallowRef } from 'vue'
import { readApi, setTenant } from '../api/read-api.ts'

export type Session = AnswerOf<typeof sessionAnswerSchema>['data']
export type PackInfo = Session['packs'][number]

type SessionAnswer = AnswerOf<typeof sessionAnswerSchema>

declare global {
  interface Window {
    /** What `start.js` asked while the scripts were on their way. */
    earlySession?: Promise<Response>
  }
}

const session = shallowRef<Session>()
const TENANT = 'tenant'

/** Asks who is logged in; the tenant in the address wins over the one looked at last. Rejects with an `ApiProblem`. */
export async function loadSession(tenant = new URLSearchParams(location.search).get(TENANT) ?? localStorage.getItem(TENANT)): Promise<void> {
  setTenant(tenant ?? undefined)
  try {
    session.value = (await earlyAnswer() ?? await readApi<SessionAnswer>('/session')).data
  } catch (error) {
    if (tenant === null || (error as { code?: string }).code !== 'TENANT_UNKNOWN') throw error
    localStorage.removeItem(TENANT)
    return loadSession(null)
  }
}

/** The answer that is on its way already, once; none when it failed, which asking again explains. */
async function earlyAnswer(): Promise<SessionAnswer | undefined> {
  const early = await window.earlySession?.catch(() => undefined)
  delete window.earlySession
  return early?.ok ? await early.json() as SessionAnswer : undefined
}

/** Looks at another tenant from now on; the page starts anew, so that nothing of the old one stays on it. */
export function switchTenant(id: string): void {
  localStorage.setItem(TENANT, id)
  location.assign(location.pathname)
}

/** Who is logged in; only after `loadSession`. */
export function useSession(): { session: ShallowRef<Session> } {
  return { session: session as ShallowRef<Session> }
}
