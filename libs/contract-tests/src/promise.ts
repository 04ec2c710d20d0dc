import { test } from 'vitest'

/** A promise that an adapter cannot keep, and the reason, which the report prints. */
export type Skips = Readonly<Record<string, string>>

/** A fresh, empty store, and how to get a second handle on the same data, as another process would. */
export type Opened<Store> = { store: Store; again: () => Promise<Store> }

/**
 * Registers one test for each promise of a port: on a fresh store, with every handle closed afterwards.
 * @returns `holds(promise, body)`
 */
export function promisesOf<Store extends AsyncDisposable>(open: () => Promise<Opened<Store>>, skips: Skips) {
  return (promise: string, body: (store: Store, again: () => Promise<Store>) => Promise<void>): void => {
    test(promise, async ({ skip }) => {
      const reason = skips[promise]
      if (reason !== undefined) skip(reason)
      await using handles = new AsyncDisposableStack()
      const { store, again } = await open()
      handles.use(store)
      await body(store, async () => handles.use(await again()))
    }, 60_000)
  }
}
