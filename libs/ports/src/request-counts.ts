/** Counts within windows of time, one count for all processes. Forgetful: a lost count lets some more through. */
export interface RequestCounts extends AsyncDisposable {
  /**
   * Adds `by` (below 0: takes back) to the count of a key; the first addition starts the key's window. Answers the
   * count, and how long the window still lasts. Rejects with `STORE_UNAVAILABLE`.
   */
  add(key: string, by: number, windowMs: number): Promise<{ count: number; restMs: number }>
}
