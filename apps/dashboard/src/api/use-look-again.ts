import { useQueryCache } from '@pinia/colada'

let underWay: Promise<unknown> | undefined

/**
 * Reads everything that the page shows again. While that is under way another call does nothing: it would break off
 * what is on its way, and on a slow line nothing would ever arrive. What fails is said where it is shown.
 */
export function useLookAgain(): () => void {
  const cache = useQueryCache()
  return () => {
    underWay ??= cache.invalidateQueries().catch(() => undefined).finally(() => { underWay = undefined })
  }
}
