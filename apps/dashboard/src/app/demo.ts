import type { AnswerOf, demoAnswerSchema } from '@tallyfleet/api-contract'
import { computed, onScopeDispose, ref, watch, type ComputedRef } from 'vue'
import { sendApi } from '../api/read-api.ts'
import { useAttempt } from '../api/use-attempt.ts'
import { useLookAgain } from '../api/use-look-again.ts'
import { useRead } from '../api/use-read.ts'
import { useSession } from './session.ts'

type Demo = AnswerOf<typeof demoAnswerSchema>
const LOOK_MS = 2_000
/** Somebody asked here: a worker may need a moment until it says that it began. */
const isAsked = ref(false)

/** Whether the tenant holds demo data, and how to load it. While it loads, every page reads again. */
export function useDemo(): {
  state: ComputedRef<Demo['data']['state'] | undefined>; mayLoad: ComputedRef<boolean>; error: ReturnType<typeof useAttempt>['error']; load: () => Promise<void>
} {
  const { session } = useSession()
  const lookAgain = useLookAgain()
  const read = useRead<Demo>('/demo')
  const { error, attempt } = useAttempt()
  const state = computed(() => (isAsked.value ? 'loading' : read.data.value?.data.state))

  let timer: ReturnType<typeof setInterval> | undefined
  watch(state, (now) => {
    clearInterval(timer)
    if (now === 'loading') timer = setInterval(lookAgain, LOOK_MS)
  }, { immediate: true })
  watch(() => read.data.value?.data.state, (now) => {
    if (now === 'loaded') {
      isAsked.value = false
      lookAgain()
    }
  })
  onScopeDispose(() => clearInterval(timer))

  async function load(): Promise<void> {
    if (await attempt(() => sendApi('POST', '/demo'))) isAsked.value = true
  }
  return { state, mayLoad: computed(() => session.value.scopes.includes('admin')), error, load }
}
