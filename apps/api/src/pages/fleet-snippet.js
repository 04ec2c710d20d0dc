(function (w, d, n) {
  var s = d.currentScript, k = s.dataset.key, u = new URL(s.src).origin + '/api/v1/events?key=' + encodeURIComponent(k), last
  function send(body, tries) {
    function again() {
      if (tries) setTimeout(send, 3000, body, tries - 1)
    }
    fetch(u, { method: 'POST', keepalive: true, credentials: 'omit', headers: { 'content-type': 'text/plain' }, body: body })
      .then(function (r) { if (r.status == 429 || r.status > 499) again() }, again)
  }
  function fleet(action, entity, type) {
    if (n.globalPrivacyControl || n.doNotTrack == 1) return
    send(JSON.stringify({
      domain: s.dataset.domain || 'web', entity_type: type || 'page', action: action,
      entity_id: (entity || location.pathname).slice(0, 256), occurred_at: new Date().toISOString(),
      event_id: crypto.randomUUID ? crypto.randomUUID() : Date.now().toString(36) + Math.random().toString(36).slice(2)
    }), 2)
  }
  function view() {
    if (last != location.pathname) fleet('view', last = location.pathname)
  }
  var push = history.pushState
  history.pushState = function () {
    push.apply(history, arguments)
    view()
  }
  addEventListener('popstate', view)
  w.fleet = fleet
  if (k) view()
})(window, document, navigator)
