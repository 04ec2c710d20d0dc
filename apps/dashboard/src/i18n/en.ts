/** What the dashboard says, in English: the form that every language has. */
export const en = {
  nav: {
    analyse: 'Analyse', data: 'Data', operate: 'Operate', overview: 'Overview', content: 'Content', segments: 'Segments',
    catalog: 'Catalog quality', quality: 'Data quality', proof: 'Proof', queues: 'Queues', settings: 'Settings',
    entity: 'Entity', menu: 'Menu', skip: 'Skip to content', main: 'Main navigation', tenant: 'Tenant', apiDocs: 'API console',
    logout: 'Log out', account: 'Account', notFound: 'Page not found', notFoundText: 'Nothing is at this address.', backHome: 'Back to the overview',
  },
  bar: {
    range: 'Date range', compare: 'Compare', compareNone: 'No comparison', comparePrev: 'Previous period', compareYear: 'Year before',
    matchWeekday: 'Match weekdays', earlier: 'Earlier period', later: 'Later period', typed: 'Type a range', typedHint: '7d, 2026-10 or 2026-10-01..2026-10-20',
    typedWrong: 'Not a range of at most 400 days', calendar: 'Choose days', apply: 'Apply', type: 'Kind', action: 'Metric', interval: 'Interval',
    filters: 'Filters', removeFilter: 'Remove filter {filter}', clearFilters: 'Clear filters', broken: 'Part of the address could not be read and was replaced: {names}',
    dismiss: 'Dismiss', share: 'Copy link', copied: 'Link copied', search: 'Search', previousMonth: 'Previous month', nextMonth: 'Next month',
  },
  preset: {
    today: 'Today', yesterday: 'Yesterday', '7d': 'Last 7 days', '28d': 'Last 28 days', '90d': 'Last 90 days', month: 'This month',
    lastMonth: 'Last month', year: 'This year', '12m': 'Last 12 months', lastYear: 'Last year',
  },
  interval: { day: 'Day', week: 'Week', month: 'Month', year: 'Year' },
  state: {
    loading: 'Loading', retry: 'Try again', failed: '{what} could not be loaded', requestId: 'Request id', copy: 'Copy', copiedId: 'Copied',
    partial: 'partial until {time}', complete: 'complete', noFlush: 'Nothing flushed yet',
    forbidden: 'Your role may not open this.', close: 'Close', cancel: 'Cancel', delete: 'Delete',
    unreachable: 'The server cannot be reached. Check that the fleet is up.', all: 'All',
  },
  table: { copiedCurl: 'Copied: needs a key in $KEY', copyCurl: 'Copy as curl', download: 'Download {format}', exportFor: 'Export {what}', more: 'Load more', search: 'Search this table', asTable: 'View as table', asChart: 'View as chart', title: 'Title', count: 'Count', change: 'Change', id: 'Id', previous: 'Before', time: 'Time', rank: 'Rank', noMatch: 'No row holds “{text}”.' },
  delta: { up: 'up {value}', down: 'down {value}', same: 'unchanged', fresh: 'new', against: 'against {range}' },
  chart: {
    summary: '{name}: {total} in total over {buckets}, most in {top} ({max}).', summaryEmpty: '{name}: no events in this range.', against: 'Compared range: {total}.',
    partial: 'The last point is still filling.', buckets: '{count} buckets', previous: 'Before', notes: 'Notes in this range',
  },
  overview: {
    title: 'Overview', active: 'Active {kind}', activeHint: 'with at least one event in the range', duplicates: 'Duplicates stopped', rejected: 'Rejected',
    trend: '{metric} over time', topBy: 'Top by {metric}', movers: 'Gaining and losing', promote: 'Worth promoting', fix: 'Worth fixing',
    noEvents: 'No events in this range', noEventsText: 'There are events from {from} to {to}.', showThem: 'Show them',
    proven: 'Every event accounted for', unproven: 'The ledger does not balance', pending: '{count} on the way',
    whole: 'whole tenant, by time of arrival', firstTitle: 'Waiting for the first event', firstText: 'Send one with a key, and this page fills by itself.', snippet: 'On a web page', curl: 'From a terminal', demo: 'Or look around with demo data:', makeKey: 'Make a key', noSuggestions: 'Nothing stands out in this range.', noMovers: 'Nothing moved against the range before.',
  },
  demo: { load: 'Load demo data', loading: 'Demo data is being loaded: seconds', loaded: 'Demo data: real films, made-up traffic' },
  content: { title: 'Content', top: 'Top', gaining: 'Gaining', losing: 'Losing', breakdown: 'By {dimension}', dimension: 'Break down by', filterBy: 'Filter by {value}', noRows: 'Nothing counted in this range.' },
  entity: {
    total: 'Total', inRange: 'In range', rank: 'Rank', rankOf: '{rank} of {count}', share: 'Share', first: 'First day', last: 'Last day', catalog: 'Catalog row', noRow: 'Counts without a catalog row: an orphan.', opening: 'Held before it was bound', shown: 'The catalog shows', related: 'Related', why: 'Why is this number?', trend: '{metric} of this {kind}', noRelated: 'Nothing shares a value with it.', neverCounted: 'never',
  },
  proof: {
    ledger: 'Conservation ledger', ledgerText: 'Every event that came in is counted, stopped as a duplicate, or refused with a reason. Counted events are in the rollups, on their way there, or named.', balanced: 'Balanced', unbalanced: 'Does not balance',
    received: 'Received', counted: 'Counted', duplicates: 'Duplicates', rejected: 'Rejected', quarantined: 'Quarantined', pending: 'On the way', parity: 'Parity of the stores', parityText: 'Each store is compared with the one it is made from.', equal: 'All stores agree', different: '{count} differences', store: 'Store', compared: 'Compared', differences: 'Differences', orphans: '{count} orphans: entities that count without a catalog row. Listed, not a difference.', history: 'Earlier runs', never: 'No run yet', neverText: 'The fleet compares its stores by itself; {command} does it now.',
    evidence: 'Signed evidence', evidenceText: 'Each report holds totals, ledger and parity, is signed, and is chained to the one before.', verified: 'Verified', broken: 'Broken', fingerprint: 'Key fingerprint', noReports: 'No report yet', noReportsText: '{command} makes one; it can be verified without a network.',
    why: 'Why is this number?', whyText: 'From a number to the batches that made it.', explain: 'Explain', entityId: 'Id', bucket: 'Bucket', bucketHint: 'a day, week, month or year; empty = everything', shown: 'Shown', addsUp: 'Adds up', addsNot: 'Does not add up', contributions: 'Batches', batch: 'Batch', value: 'Value', job: 'Job', checksum: 'Checksum', frozen: 'Frozen', shard: 'Shard', remaining: 'From batches whose content is no longer kept', waiting: 'On the way', catalogRow: 'Catalog row', segmentDocument: 'Segment document', nothing: 'Name something that was counted, for example after clicking a number on its page.', tookMs: 'took {ms} ms', inFlight: '{count} rows in flight were left out',
  },
  queues: {
    title: 'Queues', queue: 'Queue', waiting: 'Waiting', active: 'Running', delayed: 'Delayed', failed: 'Failed', completed: 'Done', workers: 'Workers', oldest: 'Oldest waits', paused: 'Paused', running: 'Serving', state: 'State', board: 'Bull Board', boardText: 'Jobs, their data and their errors; retry and pause for operators.', openBoard: 'Open Bull Board', schedules: 'Schedules', schedule: 'Schedule', next: 'Next', lastRun: 'Last run', ticks: 'Ticks in 24 h', late: 'Late', jobs: 'Jobs', job: 'Job', success: 'Success', p50: 'Median', p95: 'p95', reasons: 'Reasons', alerts: 'Rate limits', noAlerts: 'Nothing was rate limited.', kpis: 'Promises and how they are kept', target: 'target {value}', met: 'kept', missed: 'missed', noWorker: 'no worker', noJobs: 'No job ran in this time.', perHour: 'Tries per hour', retried: 'Retried', stalled: 'Stalled', limited: 'Rate limited', took: 'Took', every: 'every {span}', hourly: 'every hour at minute {minute}', daily: 'every day at {time} ({zone})', noScheduler: 'not yet: no scheduler has run', 'state-running': 'running', 'state-done': 'done', 'state-failed': 'failed', ticksDone: '{count} done', ticksFailed: '{count} failed', ticksMissed: '{count} missed', worker: 'Worker', seen: 'Last seen', lastDay: 'Within the last 24 hours', noWorkers: 'No worker did anything in this time.', dropped: '{count} events of our own jobs could not be kept in this time and are missing here.',
  },
  kpi: {
    by: 'Period', byDay: 'Days', byHour: 'Hours', days: 'By day (UTC), the last 30', hours: 'By hour, the last 48', history: 'History as a table', value: 'Value', none: 'nothing to tell yet',
    acceptance: 'Acceptance', acceptanceText: 'Events that were taken, repeats among them, of all that arrived in readable requests.',
    dedupe: 'Repeats caught', dedupeText: 'Repeats that were found and not counted, of these and of events that the ledger found counted twice.',
    flush: 'Flush errors', flushText: 'Tries of flush jobs that failed, in the whole installation; each is tried again.',
    parity: 'Parity', parityText: 'Numbers that two stores told differently in the last comparison, in the whole installation.',
    responsiveness: 'Speed of answers', responsivenessText: '95 of 100 reads, those of this dashboard among them, took at most so long.',
  },
  catalog: {
    score: 'Completeness', rows: '{count} rows', byField: 'By field', byCategory: 'By {category}', missing: 'Missing', trend: 'Completeness by day', issues: 'Work list', kind: 'Kind of issue', field: 'Field', wontFix: 'Won’t fix', undo: 'Undo', reason: 'Reason', wontFixTitle: 'Leave this as it is', open: 'Open', done: 'Won’t fix', all: 'All', noIssues: 'Nothing to do here.', 'orphan-count': 'Counts without a row', 'orphan-link': 'Links to nothing', duplicate: 'Duplicates', missingField: 'Missing: {field}', notCounted: 'counted nightly', category: 'Category', state: 'State',
  },
  quality: {
    received: 'Received', accepted: 'Accepted', duplicates: 'Duplicates', rejected: 'Rejected', text: 'What became of the events that arrived in this range, by time of arrival.', split: 'Where events went', none: 'Nothing arrived in this range.', rejectedHint: 'Each rejected event was answered with a code and a pointer to its fault.', duplicatesHint: 'Repeats with the same event_id, stopped before they counted.', acceptedHint: 'Counted once, whatever crashed.', quarantinedHint: 'Set aside for a look.', quarantined: 'Quarantined', codes: 'All error codes',
  },
  segments: {
    builder: 'Build a segment', condition: 'Condition', add: 'Add condition', remove: 'Remove condition', match: 'Match', allOf: 'all of', anyOf: 'any of', not: 'not', ofAll: '{share} of all', saved: 'Saved segments', name: 'Name', save: 'Save segment', personal: 'Personal', shared: 'Shared', visibility: 'Who sees it', facets: 'What is in it', top: 'Largest', dimension: 'Dimension', operator: 'is', values: 'Values, comma-separated', from: 'from', to: 'below', exists: 'has a value', none: 'No segment saved yet', noneText: 'Build one beside, then save it.', distribution: 'Distribution', distributionBy: 'Group by', histogram: 'How the counts spread', percentiles: 'Half of them have at most {p50}, nine of ten at most {p90}, 99 of 100 at most {p99}.', entities: 'Entities', sum: 'Sum', between: 'between', in: 'is one of', byCount: 'Count', emptyValue: 'no value', noData: 'Nothing counted in this range.', incomplete: 'Complete each condition to see who matches.',
  },
  settings: {
    appearance: 'Appearance', theme: 'Theme', system: 'System', light: 'Light', dark: 'Dark', language: 'Language', shortcuts: 'Single-key shortcuts', shortcutsText: 'Off in fields; {key} shows them all.', keys: 'API keys', key: 'Key', scopes: 'Scopes', created: 'Created', revoked: 'Revoked', revoke: 'Revoke', revokeTitle: 'Revoke this key?', revokeText: 'Whoever uses {name} is refused within five seconds. This cannot be undone.', newKey: 'New key', keyName: 'Name', make: 'Make key', secretOnce: 'The secret is shown this once. Copy it now.', publishable: 'For web pages (may only send events, from its origins)', origins: 'Origins, comma-separated', team: 'Team and roles', person: 'Name', role: 'Role', invite: 'Let someone in', inviteButton: 'Make login link', inviteText: 'Give this link to {name}. It works once, within a day.', noPassword: 'no password yet', you: 'you', roleText: 'Viewers and analysts look; operators act on queues; administrators do everything.', tenantText: 'Numbers, days and keys belong to a tenant; its time zone is {zone}.', password: 'Change password', copied: 'Copied', viewerOnly: 'Only administrators see keys and people.', inUse: 'in use', about: 'This installation',
  },
  role: { viewer: 'Viewer', analyst: 'Analyst', operator: 'Operator', admin: 'Administrator' },
  palette: { title: 'Jump to', placeholder: 'Page, range, title or action …', pages: 'Pages', ranges: 'Ranges', entities: 'Titles', actions: 'Actions', nothing: 'Nothing found', theme: 'Switch theme', language: 'Switch language', help: 'Keyboard shortcuts', copyLink: 'Copy link to this view' },
  keys: { title: 'Keyboard shortcuts', general: 'Anywhere', ranges: 'Range', pages: 'Go to', palette: 'Search and jump', sheet: 'This sheet', search: 'Search the table', close: 'Close; then clear filters', compare: 'Compare on or off', interval: 'Next interval', table: 'Chart or table', shift: 'Earlier or later', then: 'then', off: 'Single-key shortcuts are off in settings.' },
}

export type Messages = typeof en
