import { add, one, type State } from './state.ts'
import { eventName, type Model } from './world.ts'

/** Adds a step: what it is, and how it changes a draft of the state. A text that it answers tells more. */
export type Take = (label: string, change: (draft: State) => string | void) => void

/** Clients and `ingest.lua`: mark as seen, count, note in the ledger, all in one script. */
export function clientSteps(model: Model, state: State, take: Take): void {
  const { world, flaws } = model
  const apart = flaws.has('marked before it is counted') || flaws.has('counted before it is marked')
  if (state.api) {
    apartSteps(model, state, take)
    return
  }
  for (let event = 0; event < world.events.length; event++) {
    const shard = world.shards[world.events[event]!.entity]!
    if (state.redis.shards[shard]!.stopped) continue
    const repeat = state.sent[event]!
    if (repeat && state.left.repeats === 0) continue
    // In order: worlds are symmetric in their events, so that who comes first makes no difference.
    if (!repeat && event > 0 && !state.sent[event - 1]) continue
    take(`client ${repeat ? 'repeats' : 'sends'} ${eventName(event)}`, (draft) => {
      if (repeat) draft.left.repeats--
      if (apart) {
        draft.api = { at: flaws.has('marked before it is counted') ? 'mark' : 'count', event }
        return 'the API begins'
      }
      draft.sent[event] = true
      if (draft.redis.seen[event]) return 'duplicate'
      draft.redis.seen[event] = 1
      draft.excused[event] = false
      count(draft, shard, event)
      if (draft.redis.life === 0 && !flaws.has('life begins with a flush')) draft.redis.life = ++draft.lives
      return 'counted, 202'
    })
  }
}

function count(draft: State, shard: number, event: number): void {
  const data = draft.redis.shards[shard]!
  data.hot = add(data.hot, one(event, data.hot.length))
  data.counted++
}

/** Mark and count as two commands. */
function apartSteps({ world, flaws }: Model, state: State, take: Take): void {
  const { at, event } = state.api!
  const first = flaws.has('marked before it is counted') ? 'mark' : 'count'
  const does = { mark: 'marks', count: 'counts', answer: 'answers 202 for' }[at]
  take(`API ${does} ${eventName(event)}`, (draft) => {
    if (at === 'answer') {
      draft.sent[event] = true
      draft.api = null
    } else if (at === first && draft.redis.seen[event]) {
      draft.api = { at: 'answer', event }
      return 'duplicate'
    } else {
      if (at === 'mark') draft.redis.seen[event] = 1
      else count(draft, world.shards[world.events[event]!.entity]!, event)
      draft.api = { at: at === first ? (first === 'mark' ? 'count' : 'mark') : 'answer', event }
    }
  })
  if (state.left.crashes > 0) {
    take(`API crashes with ${eventName(event)}; the client will send it again`, (draft) => {
      draft.left.crashes--
      draft.api = null
    })
  }
}
