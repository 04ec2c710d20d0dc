import type { AnswerOf, liveSnapshotAnswerSchema, ticketAnswerSchema } from '@tallyfleet/api-contract'
import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { readApi, sendApi, type ApiProblem } from '../../api/read-api.ts'
import { LiveConnection, type LiveStatus } from './live-connection.ts'
import { LiveModel, type LiveView } from './live-model.ts'

const DRAW_MS = 1_000

/** The live view while a page shows it: drawn once a second at most, not at all while paused. */
export function useLive(): {
  view: ShallowRef<LiveView | undefined>; status: Ref<LiveStatus>; error: ShallowRef<ApiProblem | undefined>; isPaused: Ref<boolean>; retry: () => void
} {
  const model = new LiveModel()
  const view = shallowRef<LiveView>()
  const status = ref<LiveStatus>('connecting')
  const error = shallowRef<ApiProblem>()
  const isPaused = ref(false)
  let hasData = false

  const draw = () => { if (hasData && !isPaused.value) view.value = model.view(Date.now()) }
  const connection = new LiveConnection({
    findPath: async () => (await sendApi<AnswerOf<typeof ticketAnswerSchema>>('POST', '/ws-ticket')).data.path,
    openSocket: (path) => new WebSocket(path),
    readSnapshot: async () => (await readApi<AnswerOf<typeof liveSnapshotAnswerSchema>>('/live/snapshot')).data,
    onSnapshot: (snapshot) => {
      model.takeSnapshot(snapshot, Date.now())
      if (!hasData) {
        hasData = true
        draw()
      }
    },
    onDelta: (delta) => model.takeDelta(delta, Date.now()),
    onLag: (ms) => model.takeLag(ms),
    onStatus: (now, cause) => {
      status.value = now
      error.value = now === 'lost' ? cause as ApiProblem : undefined
    },
  })
  const timer = setInterval(draw, DRAW_MS)
  watch(isPaused, draw)
  onScopeDispose(() => {
    clearInterval(timer)
    connection.close()
  })
  return { view, status, error, isPaused, retry: () => connection.retry() }
}
