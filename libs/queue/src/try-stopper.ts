/** Why the runner ends a try: the reason of its signal. A timeout or a cancellation is an AppError instead. */
export class RunAborted extends Error {
  readonly why: 'drain' | 'lock lost'

  constructor(why: 'drain' | 'lock lost') {
    super(why === 'drain' ? 'the worker is shutting down' : 'the lock of the job is lost')
    this.name = 'RunAborted'
    this.why = why
  }
}

/** Ends one try from outside. The signal is made when somebody asks for it: most tries end without. */
export class TryStopper {
  #controller: AbortController | undefined
  #reason: Error | undefined
  #listen: ((reason: Error) => void) | undefined

  /** Why the try was stopped; undefined while it may go on. */
  get reason(): Error | undefined {
    return this.#reason
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#reason) this.#controller.abort(this.#reason)
    return this.#controller.signal
  }

  /** Only the first reason counts. */
  stop(reason: Error): void {
    if (this.#reason) return
    this.#reason = reason
    this.#controller?.abort(reason)
    this.#listen?.(reason)
  }

  /** Has the one listener told of the stop, at once when it has happened. */
  onStop(listen: (reason: Error) => void): void {
    this.#listen = listen
    if (this.#reason) listen(this.#reason)
  }
}
